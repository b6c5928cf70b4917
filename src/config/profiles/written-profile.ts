import * as z from 'zod';
import type { Selector } from '../../policy/model.ts';
import { LABEL_KEY, OBJECT_NAME, short } from '../../policy/names.ts';
import { readPath } from '../../policy/profiles/hindrance.ts';
import { labelsIn, markProblem } from '../../policy/profiles/mark.ts';
import { type Report, readConditions } from '../../policy/profiles/report.ts';
import { TRACKING_TYPES } from '../../policy/tracking/index.ts';
import { duration, selector } from '../parsers.ts';

/** The message of a field that is not there, or else the other one. */
const isMissing = (otherwise: string) => ({
  error: ({ input }: { readonly input?: unknown }) => (input === undefined ? 'is missing' : otherwise),
});

const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What the parser makes of a text; it throws an Error whose message follows the name of a field. */
function attempt<T>(parse: (text: string) => T, given: string, context: z.RefinementCtx): T {
  try {
    return parse(given);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error));
    return z.NEVER;
  }
}

const text = <T>(parse: (text: string) => T) =>
  z.string(isMissing('is no text')).transform((given, context) => attempt(parse, given, context));

const oneOf = <T extends string>(...allowed: readonly T[]) =>
  z.enum(allowed, {
    error: ({ input }) => {
      const given = typeof input === 'string' ? `is ${JSON.stringify(input)}` : 'is no text';
      return `${input === undefined ? 'is missing' : given}; it must be ${allowed.join(' or ')}`;
    },
  });

function key(given: string): string {
  if (!LABEL_KEY.test(given)) throw new Error(`is "${given}", which is not an annotation key`);
  return given;
}

/** `key`, or `key=value`. */
function required(given: string) {
  const at = given.indexOf('=');
  if (at < 0) return { key: key(given) };
  const value = given.slice(at + 1);
  // No pod would ever have it: of an annotation the hook keeps no more.
  if (short(value) !== value) throw new Error('has a value that is too long');
  return { key: key(given.slice(0, at)), value };
}

function nameOfWebhook(given: string): string {
  if (!OBJECT_NAME.test(given)) throw new Error(`is "${given}", which is not the name of a registration or a webhook`);
  return given;
}

function name(given: string): string {
  if (!NAME.test(given)) throw new Error(`is "${given}"; it must be lower-case letters, digits and dashes`);
  return given;
}

const unknownField: z.core.$ZodErrorMap = ({ code, ...issue }) => {
  if (code === 'unrecognized_keys') return `has ${(issue.keys as string[]).join(' and ')}, which no profile has`;
  return 'is missing, or is no list of fields';
};

/** One, or a list of them. */
const selectors = z
  .union([z.string(), z.array(z.string())], { error: 'is neither a label selector nor a list of them' })
  .transform((given, context): readonly Selector[] => {
    const all = [given].flat();
    if (all.length === 0) context.addIssue('is an empty list');
    return all.map((one) => attempt(selector, one, context));
  });

/** What a profile has for a mark if nobody is asked to move its pods. */
export const NO_MARK = 'none';

const markOnPod = z
  .strictObject(
    {
      annotation: text(key),
      value: z.string(isMissing('is no text; put it into quotes')),
      match: oneOf('exact', 'present').default('exact'),
    },
    { error: unknownField },
  )
  .superRefine((given, context) => {
    const wrongLabel = labelsIn(given.value).find((label) => !LABEL_KEY.test(label));
    const problem = markProblem(given) ?? (wrongLabel && `has {label:${wrongLabel}}, which is not a label key`);
    if (problem) context.addIssue({ code: 'custom', path: ['value'], message: problem });
  });

/** Else the problems of a union would not say which of them is meant. */
const mark = z
  .custom<z.input<typeof markOnPod> | typeof NO_MARK>(() => true)
  .transform((given, context): z.output<typeof markOnPod> | typeof NO_MARK => {
    if (given === NO_MARK) return NO_MARK;
    const read = markOnPod.safeParse(given);
    if (read.success) return read.data;
    for (const { path, message } of read.error.issues) context.addIssue({ code: 'custom', path: [...path], message });
    return z.NEVER;
  });

const RESOURCE = /^([a-z0-9]+)\.([a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/;
const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
/** Each is a label value of a metric. */
const WORD = /^[A-Z][A-Za-z]{1,39}$/;
const REPORTS_MAX = 20;

function resource(given: string) {
  const [, plural, group] = RESOURCE.exec(given) ?? [];
  if (plural === undefined || group === undefined) {
    throw new Error(`is "${given}"; it must be the plural and the group, such as kafkas.kafka.strimzi.io`);
  }
  return { plural, group };
}

function path(given: string): readonly string[] {
  const steps = readPath(given);
  if (steps === undefined) throw new Error(`is "${given}"; it must be such as spec.paused or status.conditions[Ready]`);
  return steps;
}

const matching = (pattern: RegExp, what: string) =>
  text((given) => {
    if (!pattern.test(given)) throw new Error(`is "${given}"; it must be ${what}`);
    return given;
  });

const hindranceReport = z.strictObject(
  {
    at: text(path),
    is: z.string(isMissing('is no text; put it into quotes')),
    word: matching(WORD, 'one word in PascalCase'),
  },
  { error: unknownField },
);

const hindrance = z.strictObject(
  {
    kind: matching(KIND, 'the kind of a resource, such as Kafka'),
    resource: text(resource),
    label: text(key),
    reports: z
      .array(hindranceReport, 'is no list')
      .min(1, 'is an empty list')
      .max(REPORTS_MAX, `has more than ${REPORTS_MAX}`),
  },
  { error: unknownField },
);

/** A list, or what would be its only element. */
const oneOrMore = <T extends z.ZodType>(list: T) =>
  z.preprocess((given) => (given === undefined ? given : [given].flat()), list);

const GROUP_LABELS_MAX = 4;

const maxConcurrent = z.strictObject(
  {
    pods: z.int(isMissing('is no whole number')).min(1, 'is less than 1').max(1_000, 'is more than 1000'),
    by: oneOrMore(
      z
        .array(text(key), isMissing('is no list'))
        .min(1, 'is empty')
        .max(GROUP_LABELS_MAX, `has more than ${GROUP_LABELS_MAX} labels`),
    ),
  },
  { error: unknownField },
);

const CONDITION = /^!?[A-Za-z0-9]([-A-Za-z0-9_./]{0,314}[A-Za-z0-9])?$/;

/** Where the operator says that a pod may go. */
const report = z
  .strictObject(
    {
      annotation: text(key).optional(),
      conditions: oneOrMore(
        z.array(
          matching(CONDITION, 'the type of a condition, with ! for one that must not be True'),
          isMissing('is no list'),
        ),
      ).optional(),
    },
    { error: unknownField },
  )
  .transform(({ annotation, conditions = [] }, context): Report => {
    const isOne = (annotation === undefined) !== (conditions.length === 0);
    const found = annotation === undefined ? readConditions(conditions) : { annotation };
    if (!isOne) context.addIssue('needs either annotation or conditions');
    if ('conditions' in found && isOne && found.conditions.length === 0)
      context.addIssue('has no condition that has to be True');
    return found;
  });

/** What takes a mark on the pod. */
function needsMark({ mark, withdraw, maxConcurrent, report }: ProfileFields, context: z.RefinementCtx): void {
  if (mark !== NO_MARK) return;
  for (const [field, isThere] of Object.entries({ withdraw, maxConcurrent, report })) {
    if (isThere) context.addIssue({ code: 'custom', path: [field], message: 'needs a mark' });
  }
}

const FIELDS = z.strictObject(
  {
    name: text(name),
    selector: selectors,
    requires: z.array(text(required), 'is no list').default([]),
    mark,
    names: oneOf('reused', 'new', 'either', 'byTracker'),
    tracking: oneOf(...TRACKING_TYPES, 'off').optional(),
    stallAfter: text(duration).optional(),
    maxConcurrent: maxConcurrent.optional(),
    hindrance: oneOrMore(z.array(hindrance)).optional(),
    report: report.optional(),
    withdraw: z.boolean('is neither true nor false').default(false),
    conflicts: z.array(text(nameOfWebhook), 'is no list').default([]),
    warning: z.string('is no text').optional(),
  },
  { error: unknownField },
);

type ProfileFields = z.output<typeof FIELDS>;

/** One profile, with every field. What is not there is the setting's: TRACKING_RESOURCE_TYPE, STALL_AFTER. */
export const PROFILE = FIELDS.superRefine(needsMark);

/** A profile as it is written. */
export type WrittenProfile = z.input<typeof PROFILE>;
/** A profile as it is read. */
export type ReadProfile = z.output<typeof PROFILE>;
