import * as z from 'zod';
import type { Selector } from '../../policy/model.ts';
import { OBJECT_NAME, short, unseenProblem } from '../../policy/names.ts';
import { type Report, readConditions } from '../../policy/profiles/report.ts';
import { TRACKING_TYPES } from '../../policy/tracking/index.ts';
import { selector, stallTime } from '../parsers.ts';
import {
  attempt,
  isMissing,
  KIND,
  key,
  matching,
  oneOf,
  oneOrMore,
  path,
  resource,
  text,
  unknownField,
  WORD,
} from './fields.ts';
import { mark, NO_MARK } from './written-mark.ts';

const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** `key`, or `key=value`. */
function required(given: string) {
  const at = given.indexOf('=');
  if (at < 0) return { key: key(given) };
  const value = given.slice(at + 1);
  // No pod would ever have it: of an annotation the hook keeps no more.
  if (short(value) !== value) throw new Error('has a value that is too long');
  const problem = unseenProblem(value);
  if (problem !== undefined) throw new Error(`has a value that ${problem}`);
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

/** One, or a list of them. */
const selectors = z
  .union([z.string(), z.array(z.string())], { error: 'is neither a label selector nor a list of them' })
  .transform((given, context): readonly Selector[] => {
    const all = [given].flat();
    if (all.length === 0) context.addIssue('is an empty list');
    return all.map((one) => attempt(selector, one, context));
  });

const REPORTS_MAX = 20;

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
function needsMark(
  { mark, withdraw, maxConcurrent, respectBudgets, report }: ProfileFields,
  context: z.RefinementCtx,
): void {
  if (mark !== NO_MARK && !('on' in mark)) {
    const isMark = report !== undefined && 'annotation' in report && report.annotation === mark.annotation;
    if (isMark)
      context.addIssue({ code: 'custom', path: ['report'], message: 'is the mark itself, and would say nothing' });
    return;
  }
  for (const [field, isThere] of Object.entries({ withdraw, maxConcurrent, respectBudgets, report })) {
    if (isThere) context.addIssue({ code: 'custom', path: [field], message: 'needs a mark on the pod' });
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
    stallAfter: text(stallTime).optional(),
    maxConcurrent: maxConcurrent.optional(),
    hindrance: oneOrMore(z.array(hindrance)).optional(),
    respectBudgets: z.boolean('is neither true nor false').default(false),
    neverAlone: z.boolean('is neither true nor false').default(false),
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
