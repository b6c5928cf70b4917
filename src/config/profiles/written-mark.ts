import * as z from 'zod';
import { LABEL_KEY } from '../../policy/names.ts';
import { labelsIn, markProblem } from '../../policy/profiles/mark.ts';
import { REQUEST_FORMS } from '../../policy/requests/index.ts';
import { isMissing, KIND, key, matching, oneOf, path, resource, text, unknownField, WORD } from './fields.ts';

/** What a profile has for a mark if nobody is asked to move its pods. */
export const NO_MARK = 'none';

const annotation = {
  annotation: text(key),
  value: z.string(isMissing('is no text; put it into quotes')),
};

function checkValue(
  given: { readonly value: string; readonly match: 'exact' | 'present' },
  context: z.RefinementCtx,
): void {
  const wrongLabel = labelsIn(given.value).find((label) => !LABEL_KEY.test(label));
  const problem = markProblem(given) ?? (wrongLabel && `has {label:${wrongLabel}}, which is not a label key`);
  if (problem) context.addIssue({ code: 'custom', path: ['value'], message: problem });
}

const onPod = z
  .strictObject({ ...annotation, match: oneOf('exact', 'present').default('exact') }, { error: unknownField })
  .superRefine(checkValue);

const object = z.strictObject(
  { kind: matching(KIND, 'the kind of a resource, such as Kafka'), resource: text(resource), label: text(key) },
  { error: unknownField },
);

const PRECONDITIONS_MAX = 10;

const precondition = z
  .strictObject(
    {
      at: text(path),
      is: z.string('is no text; put it into quotes').nullable().optional(),
      isNot: z.string('is no text; put it into quotes').optional(),
      word: matching(WORD, 'one word in PascalCase'),
    },
    { error: unknownField },
  )
  .superRefine(({ is, isNot }, context) => {
    if ((is === undefined) === (isNot === undefined)) context.addIssue('needs either is or isNot');
  });

const aboutObject = {
  on: object,
  onlyIf: z.array(precondition, 'is no list').max(PRECONDITIONS_MAX, `has more than ${PRECONDITIONS_MAX}`).default([]),
};

/** An annotation of an object: whatever the instant in it, it is about one pod. */
const onObject = z
  .strictObject({ ...aboutObject, ...annotation, doneAt: text(path).optional() }, { error: unknownField })
  .superRefine(({ value }, context) => checkValue({ value, match: 'present' }, context))
  .superRefine(({ value }, context) => {
    const names = ['{uid}', '{ordinal}', '{label:'];
    if (names.some((name) => value.includes(name))) return;
    context.addIssue({
      code: 'custom',
      path: ['value'],
      message: 'has to name the pod: {uid}, {ordinal} or {label:KEY}',
    });
  });

const FORMS = Object.keys(REQUEST_FORMS) as (keyof typeof REQUEST_FORMS)[];
const byForm = z.strictObject({ ...aboutObject, form: oneOf(...FORMS) }, { error: unknownField });

export type WrittenMark = z.input<typeof onPod> | z.input<typeof onObject> | z.input<typeof byForm> | typeof NO_MARK;
export type ReadMark = z.output<typeof onPod> | z.output<typeof onObject> | z.output<typeof byForm> | typeof NO_MARK;

/** Else the problems of a union would not say which of them is meant. */
export const mark = z
  .custom<WrittenMark>(() => true)
  .transform((given, context): ReadMark => {
    if (given === NO_MARK) return NO_MARK;
    const read = shapeOf(given).safeParse(given);
    if (read.success) return read.data;
    for (const { path, message } of read.error.issues) context.addIssue({ code: 'custom', path: [...path], message });
    return z.NEVER;
  });

function shapeOf(given: unknown): typeof onPod | typeof onObject | typeof byForm {
  const has = (field: string) => typeof given === 'object' && given !== null && Object.hasOwn(given, field);
  if (!has('on')) return onPod;
  return has('form') ? byForm : onObject;
}
