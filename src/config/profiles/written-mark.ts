import * as z from 'zod';
import { LABEL_KEY, LABEL_VALUE, unseenProblem } from '../../policy/names.ts';
import { labelsIn, markProblem } from '../../policy/profiles/mark.ts';
import { REQUEST_FORMS } from '../../policy/requests/index.ts';
import { isMissing, KIND, key, matching, oneOf, path, resource, text, unknownField, WORD } from './fields.ts';

/** What a profile has for a mark if nobody is asked to move its pods. */
export const NO_MARK = 'none';

/** One of the two has to be there. */
const carried = {
  annotation: text(key).optional(),
  label: text(key).optional(),
  value: z.string(isMissing('is no text; put it into quotes')),
};

interface Carried {
  readonly annotation?: string | undefined;
  readonly label?: string | undefined;
  readonly value: string;
  readonly match: 'exact' | 'present';
}

function checkCarried(given: Carried, context: z.RefinementCtx): void {
  const { annotation, label, value } = given;
  if (annotation === undefined && label === undefined) {
    context.addIssue({ code: 'custom', path: ['annotation'], message: 'is missing, and so is label' });
  } else if (annotation !== undefined && label !== undefined) {
    context.addIssue({ code: 'custom', path: ['label'], message: 'stands beside annotation; one of them is the mark' });
  }
  if (label !== undefined && !LABEL_VALUE.test(value.replace(/\{[^{}]*\}/g, 'x'))) {
    context.addIssue({ code: 'custom', path: ['value'], message: 'is not the value of a label' });
  }
  if (label !== undefined && value.includes('{now}')) {
    context.addIssue({ code: 'custom', path: ['value'], message: 'has {now}, which is not the value of a label' });
  }
  checkValue(given, context);
}

function checkValue(given: Carried, context: z.RefinementCtx): void {
  const wrongLabel = labelsIn(given.value).find((label) => !LABEL_KEY.test(label));
  const problem = markProblem(given) ?? (wrongLabel && `has {label:${wrongLabel}}, which is not a label key`);
  if (problem) context.addIssue({ code: 'custom', path: ['value'], message: problem });
}

const onPod = z
  .strictObject({ ...carried, match: oneOf('exact', 'present').default('exact') }, { error: unknownField })
  .superRefine(checkCarried);

const object = z.strictObject(
  { kind: matching(KIND, 'the kind of a resource, such as Kafka'), resource: text(resource), label: text(key) },
  { error: unknownField },
);

const PRECONDITIONS_MAX = 10;

/** It is compared exactly. With a line break, isNot would let pass what it is to keep back. */
const compared = z.string('is no text; put it into quotes').superRefine((given, context) => {
  const problem = unseenProblem(given);
  if (problem !== undefined) context.addIssue(problem);
});

const precondition = z
  .strictObject(
    {
      at: text(path),
      is: compared.nullable().optional(),
      isNot: compared.optional(),
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
  .strictObject({ ...aboutObject, ...carried, doneAt: text(path).optional() }, { error: unknownField })
  .superRefine((given, context) => checkCarried({ ...given, match: 'present' }, context))
  .superRefine(({ value, doneAt }, context) => {
    // The same value once more would change nothing, and so ask for nothing.
    if (doneAt !== undefined && !value.includes('{now}'))
      context.addIssue({
        code: 'custom',
        path: ['value'],
        message: 'needs {now}, since doneAt lets the hook ask again',
      });
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
