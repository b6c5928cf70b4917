/** The API server responded, but not with success. `reason` and `causes` come from its Status body. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly causes: readonly string[];
  /** The object of the Status, such as `pods` and a name; empty if the Status has none. */
  readonly about: { readonly kind: string; readonly name: string };
  /** From the Retry-After header. */
  readonly retryAfterMs: number | undefined;

  constructor(code: number, what: string, body: StatusBody | undefined, retryAfterMs?: number) {
    super(`${what}: ${code} ${body?.message ?? body?.reason ?? 'without a Status body'}`);
    this.code = code;
    this.reason = body?.reason ?? '';
    this.causes = body?.details?.causes?.map((cause) => cause.field ?? '') ?? [];
    this.about = { kind: body?.details?.kind ?? '', name: body?.details?.name ?? '' };
    this.retryAfterMs = retryAfterMs;
  }
}

/** No response: the call was refused, reset, aborted or timed out, or had no credentials. `cause` has the details. */
export class ApiUnreachableError extends Error {
  override readonly name = 'ApiUnreachableError';

  constructor(what: string, cause: unknown) {
    super(`${what}: ${describeError(cause)}`, { cause });
  }
}

/** The response is longer than the caller wants to hold in memory. */
export class ResponseTooLongError extends Error {
  override readonly name = 'ResponseTooLongError';

  constructor(maxBytes: number) {
    super(`the response is longer than ${maxBytes} bytes`);
  }
}

export interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly kind?: string;
    readonly name?: string;
    readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
  };
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

/**
 * Whether the API server itself reports that exactly this object does not exist. Any proxy can send a bare 404, which
 * must not end a drain.
 */
export function saysNotFound(error: unknown, kind: string, name: string): boolean {
  if (!(error instanceof ApiError) || error.code !== 404) return false;
  return error.reason === 'NotFound' && error.about.kind === kind && error.about.name === name;
}

/**
 * Whether an admission webhook or policy refused the request. A webhook chooses code, reason and causes itself, and the API
 * server passes them on, so any refusal may look like a conflict. Only the beginning of the message is the API server's own:
 * https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go
 */
export const isDeniedByAdmission = ({ message }: ApiError): boolean => / denied (the )?request\b/.test(message);

/**
 * Whether validation or admission (a quota, too) refused what a write says, so that the same write fails again. Authorization
 * also answers 403, and names the verb and the resource. Only for writes whose guard does not answer 422.
 */
export function isContentRefused(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.code === 400 || error.code === 422) return true;
  if (error.code === 404 || error.code === 409) return isDeniedByAdmission(error);
  return (
    error.code === 403 &&
    /\b(denied|exceeded quota|being terminated)\b/.test(error.message) &&
    !/ cannot \w+ resource /.test(error.message)
  );
}

/** One line for logs and messages; follows `cause` if the outer message has no details. Never the whole object. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const inBrackets = code === '' ? '' : ` (${code})`;
  if (error.message !== '') return error.message + (error.message.includes(code) ? '' : inBrackets);
  return error.cause === undefined ? error.name + inBrackets : describeError(error.cause);
}
