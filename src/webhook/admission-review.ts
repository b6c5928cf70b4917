import * as z from 'zod';
import type { Decision } from '../policy/decision.ts';
import { assertNever, type EvictionRequest } from '../policy/model.ts';
import { DNS_LABEL, OBJECT_NAME } from '../policy/names.ts';

const deleteOptions = z.object({
  // The limit exists because the UID appears in the message and in the log.
  preconditions: z.object({ uid: z.string().max(256).nullish() }).nullish(),
  gracePeriodSeconds: z.number().nullish(),
  // The elements are not validated, because a million wrong ones would be a million problems to report.
  dryRun: z.array(z.unknown()).nullish(),
});

const evictionRequest = z.object({
  // Any other name cannot come from an API server, and must not become part of a path.
  name: z.string().regex(OBJECT_NAME, 'is not the name of a pod'),
  namespace: z.string().regex(DNS_LABEL, 'is not the name of a namespace'),
  userInfo: z.object({ username: z.string().max(1024).nullish() }).nullish(),
  dryRun: z.boolean().nullish(),
  object: z.object({ kind: z.literal('Eviction'), deleteOptions: deleteOptions.nullish() }),
});

const envelope = z.object({
  apiVersion: z.string().startsWith('admission.k8s.io/', 'must be admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({ uid: z.string().min(1).max(256) }),
});

const target = z.object({
  operation: z.string(),
  resource: z.object({ group: z.string(), version: z.string(), resource: z.string() }),
  subResource: z.string().nullish(),
});

/** A parsed review. `problems` is one line for the client. */
export type ParsedReview =
  | { readonly kind: 'review'; readonly uid: string; readonly request: EvictionRequest }
  /** The UID is known, so the hook can send an AdmissionReview, but it cannot read the request. */
  | { readonly kind: 'unreadable'; readonly uid: string; readonly problems: string }
  | { readonly kind: 'malformed'; readonly problems: string };

/** Reads an AdmissionReview. Never throws, whatever the text. */
export function parseReview(text: string): ParsedReview {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { kind: 'malformed', problems: 'the body is not JSON' };
  }
  const review = envelope.safeParse(body);
  if (!review.success) return { kind: 'malformed', problems: problemsOf(review.error, '') };
  const { uid } = review.data.request;
  if (review.data.apiVersion !== 'admission.k8s.io/v1') {
    return { kind: 'unreadable', uid, problems: `apiVersion: must be admission.k8s.io/v1` };
  }
  const { request } = body as { readonly request: unknown };
  const about = target.safeParse(request);
  if (!about.success) return { kind: 'unreadable', uid, problems: problemsOf(about.error, 'request') };
  if (!isEviction(about.data)) return { kind: 'review', uid, request: otherRequest() };
  const eviction = evictionRequest.safeParse(request);
  if (!eviction.success) return { kind: 'unreadable', uid, problems: problemsOf(eviction.error, 'request') };
  return { kind: 'review', uid, request: toRequest(eviction.data) };
}

/** The response to the request `uid`. For a mark it is 429, and the mark must already be carried out. */
export function reviewResponse(uid: string, decision: Decision): object {
  const response = { uid, ...answer(decision), auditAnnotations: auditAnnotations(uid, decision) };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

/**
 * For the audit log of the API server, which puts the name of the webhook before each key. The UID joins an event with the
 * hook's own log, because an audit event does not have it.
 */
function auditAnnotations(uid: string, { kind, reason, rule, profile }: Decision): Record<string, string> {
  return { decision: kind, reason, rule, review: uid, ...(profile === undefined ? {} : { profile }) };
}

const STATUS_REASONS = { 404: 'NotFound', 409: 'Conflict', 429: 'TooManyRequests', 500: 'InternalError' } as const;

function answer(decision: Decision): object {
  switch (decision.kind) {
    case 'allow':
      return { allowed: true, ...(decision.warning === undefined ? {} : { warnings: [decision.warning] }) };
    case 'deny':
      return denial(decision.code, decision.message);
    case 'mark':
      return denial(429, decision.message);
    default:
      return assertNever(decision);
  }
}

/** No `details.retryAfterSeconds`: client-go would retry silently, without the drainer seeing it. */
function denial(code: keyof typeof STATUS_REASONS, message: string): object {
  return { allowed: false, status: { status: 'Failure', code, reason: STATUS_REASONS[code], message } };
}

function isEviction({ operation, resource, subResource }: z.infer<typeof target>): boolean {
  return operation === 'CREATE' && resource.group === '' && resource.resource === 'pods' && subResource === 'eviction';
}

function otherRequest(): EvictionRequest {
  return { isEviction: false, namespace: '', name: '', username: '', dryRun: false };
}

function toRequest(request: z.infer<typeof evictionRequest>): EvictionRequest {
  const options = request.object.deleteOptions;
  const uid = options?.preconditions?.uid;
  const graceSeconds = options?.gracePeriodSeconds;
  return {
    isEviction: true,
    // Karpenter's body has no namespace. The name in the body is not read, because the API server checks it.
    namespace: request.namespace,
    name: request.name,
    username: request.userInfo?.username ?? '',
    // Any dryRun value means that the client wants no write.
    dryRun: request.dryRun === true || (options?.dryRun ?? []).length > 0,
    ...(uid === undefined || uid === null ? {} : { uid }),
    ...(graceSeconds === undefined || graceSeconds === null ? {} : { graceSeconds }),
  };
}

function problemsOf(error: z.ZodError, prefix: string): string {
  const shown = error.issues.slice(0, 5).map(({ path, message }) => {
    const at = [...(prefix === '' ? [] : [prefix]), ...path.map(String)].join('.');
    return at === '' ? message : `${at}: ${message}`;
  });
  return shown.join('; ');
}
