import { isDeepStrictEqual } from 'node:util';
import { type FieldError, invalid, invalidValue } from '../storage/failure.ts';
import { BUDGET, type Kind, POD, WEBHOOKS } from '../storage/kinds.ts';
import { type ApiObject, type Json, recordAt } from '../storage/object.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const NAME_PART_MAX = 63;
const ANNOTATIONS_MAX = 256 * 1024;
const POD_RULE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Throws 422 for what the API server would refuse, as far as a rehearsal can come across it. */
export function validateCreate(kind: Kind, object: ApiObject): void {
  refuse(kind, object, [...nameErrors(object), ...annotationErrors(object), ...(CREATE.get(kind)?.(object) ?? [])]);
}

export function validateUpdate(kind: Kind, before: ApiObject, after: ApiObject): void {
  const { uid } = after.metadata;
  const isOther = uid !== before.metadata.uid;
  const uidError = invalidValue('metadata.uid', uid, 'field is immutable');
  const errors = [
    ...(isOther ? [uidError] : []),
    ...annotationErrors(after),
    ...(kind === POD ? podChanges(before, after) : []),
  ];
  refuse(kind, after, errors);
}

function refuse(kind: Kind, { metadata }: ApiObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kind.kind, kind.group, metadata.name, errors);
}

function nameErrors({ metadata: { name } }: ApiObject): FieldError[] {
  const field = 'metadata.name';
  if (name === '') {
    return [{ reason: 'FieldValueRequired', field, message: 'Required value: name or generateName is required' }];
  }
  return SUBDOMAIN.test(name) ? [] : [invalidValue(field, name, SUBDOMAIN_RULE)];
}

function annotationErrors({ metadata: { annotations = {} } }: ApiObject): FieldError[] {
  const field = 'metadata.annotations';
  const long = Object.keys(annotations).filter((key) => (key.split('/').at(-1) ?? '').length > NAME_PART_MAX);
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + key.length + Buffer.byteLength(value),
    0,
  );
  return [
    ...long.map((key) => invalidValue(field, key, `name part must be no more than ${NAME_PART_MAX} bytes`)),
    ...(size > ANNOTATIONS_MAX
      ? [
          {
            reason: 'FieldValueInvalid' as const,
            field,
            message: `Too long: may not be more than ${ANNOTATIONS_MAX} bytes`,
          },
        ]
      : []),
  ];
}

const MUTABLE_IN_POD = ['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds'];

function podChanges(before: ApiObject, after: ApiObject): FieldError[] {
  if (isDeepStrictEqual(fixedPart(before), fixedPart(after))) return [];
  return [{ reason: 'FieldValueForbidden', field: 'spec', message: `Forbidden: ${POD_RULE}` }];
}

function fixedPart(pod: ApiObject): unknown {
  const spec = recordAt(pod, 'spec');
  const fixed = Object.entries(spec).filter(([field]) => !MUTABLE_IN_POD.includes(field));
  const containers = ((spec.containers ?? []) as readonly Json[]).map(({ image: _, ...container }) => container);
  return { ...Object.fromEntries(fixed), containers };
}

const required = (field: string, isThere: boolean): FieldError[] =>
  isThere ? [] : [{ reason: 'FieldValueRequired', field, message: 'Required value' }];

const CREATE: ReadonlyMap<Kind, (object: ApiObject) => FieldError[]> = new Map([
  [POD, (pod) => required('spec.containers', Array.isArray(recordAt(pod, 'spec').containers))],
  [BUDGET, (budget) => required('spec.selector', recordAt(budget, 'spec').selector !== undefined)],
  [WEBHOOKS, webhookErrors],
]);

const SEGMENTS_RULE = 'should be a domain with at least three segments separated by dots';
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];

function webhookErrors(object: ApiObject): FieldError[] {
  const webhooks = (object.webhooks ?? []) as readonly Json[];
  return webhooks.flatMap(({ name, matchConditions, sideEffects }, i) => [
    ...(String(name).split('.').length < 3 ? [invalidValue(`webhooks[${i}].name`, String(name), SEGMENTS_RULE)] : []),
    ...sideEffectErrors(`webhooks[${i}].sideEffects`, sideEffects),
    // There is no CEL here, and a condition that is not looked at would be worse than none.
    ...(matchConditions === undefined ? [] : [noCel(`webhooks[${i}].matchConditions`)]),
  ]);
}

/** With these two, a webhook may be asked about a dry run. */
function sideEffectErrors(field: string, value: unknown): FieldError[] {
  if (value === undefined) return required(field, false);
  if (SIDE_EFFECTS.includes(String(value))) return [];
  const supported = SIDE_EFFECTS.map((one) => `"${one}"`).join(', ');
  const message = `Unsupported value: "${String(value)}": supported values: ${supported}`;
  return [{ reason: 'FieldValueNotSupported', field, message }];
}

const noCel = (field: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: 'Forbidden: the embedded API does not evaluate CEL',
});
