import type { Json } from './object.ts';

export interface Cause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** A request that the API server refuses; its Status body is what a client reads. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: Json | undefined;

  constructor(code: number, message: string, reason?: string, details?: Json) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  get status(): Json {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** How errors name a resource: `pods`, `couchbaseclusters.couchbase.com`. */
export interface Named {
  readonly group: string;
  readonly plural: string;
}

export const qualified = ({ group, plural }: Named) => (group === '' ? plural : `${plural}.${group}`);

const about = ({ group, plural }: Named, name: string, more: Json = {}) => ({
  name,
  ...(group === '' ? {} : { group }),
  kind: plural,
  ...more,
});

export const notFound = (kind: Named, name: string) =>
  new ApiFailure(404, `${qualified(kind)} "${name}" not found`, 'NotFound', about(kind, name));

export const alreadyExists = (kind: Named, name: string) =>
  new ApiFailure(409, `${qualified(kind)} "${name}" already exists`, 'AlreadyExists', about(kind, name));

export const conflict = (kind: Named, name: string) =>
  new ApiFailure(
    409,
    `Operation cannot be fulfilled on ${qualified(kind)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    'Conflict',
    about(kind, name),
  );

/** A precondition of a delete that does not hold. This error names the Kind, not the resource. */
export const preconditionFailed = (
  kind: string,
  name: string,
  what: 'UID' | 'ResourceVersion',
  want: string,
  is: string,
) =>
  new ApiFailure(
    409,
    `Operation cannot be fulfilled on ${kind} "${name}": the ${what} in the precondition (${want}) does not match the ${what} in record (${is}). The object might have been ${what === 'UID' ? 'deleted and then recreated' : 'modified'}`,
    'Conflict',
    { name, kind },
  );

export const badRequest = (message: string) => new ApiFailure(400, message, 'BadRequest');

export const noSuchResource = () =>
  new ApiFailure(404, 'the server could not find the requested resource', 'NotFound', {});

export const methodNotAllowed = () =>
  new ApiFailure(405, 'the server does not allow this method on the requested resource', 'MethodNotAllowed', {});

/** For a body that is to be an object: there is only JSON here. */
export const unknownFormat = () =>
  new ApiFailure(
    415,
    'the body of the request was in an unknown format - accepted media types include: application/json',
    'UnsupportedMediaType',
  );

export const unsupportedMediaType = () =>
  new ApiFailure(415, '415: Unsupported Media Type', 'UnsupportedMediaType', {});

/** A JSON patch that cannot be applied, also one whose `test` fails. */
export const patchRejected = () =>
  new ApiFailure(422, 'the server rejected our request due to an error in our request', 'Invalid', {});

export const internalError = (message: string) =>
  new ApiFailure(500, `Internal error occurred: ${message}`, 'InternalError', { causes: [{ message }] });

/** One field that is not as it must be; `reason` is that of the cause. */
export interface FieldError {
  readonly reason: 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueForbidden' | 'FieldValueNotSupported';
  readonly message: string;
  readonly field: string;
}

export function invalid(kind: string, group: string, name: string, errors: readonly FieldError[]): ApiFailure {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  const qualifiedKind = group === '' ? kind : `${kind}.${group}`;
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new ApiFailure(422, `${qualifiedKind} "${name}" is invalid: ${text}`, 'Invalid', {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  });
}

export const invalidValue = (field: string, value: string, why: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: "${value}": ${why}`,
});

/** The resourceVersion that a watch or a page is to continue from has been compacted away. */
export const expired = (message: string) => new ApiFailure(410, message, 'Expired');
