import { short } from './names.ts';

/** On a pod, its tracker or its Namespace: how people overrule what the hook would do with evictions. */
export const POLICY_KEY = 'reschedule.hook/policy';

/** `ignore`: the hook lets the pod go. `hold`: it refuses the eviction and does not mark the pod. */
export type PolicyWord = 'ignore' | 'hold';

/** What the annotation of one object says; empty if it says nothing. */
export interface Policy {
  readonly policy?: PolicyWord;
  /** The value, printable and short, if it is neither of the words and so counts as `hold`. */
  readonly policyValue?: string;
}

/** The first of them that says anything: pod, tracker, Namespace. */
export function firstPolicy(...places: readonly (Policy | undefined)[]): Policy | undefined {
  return places.find((place) => place?.policy !== undefined);
}

/** What that one says. */
export const firstWord = (...places: readonly (Policy | undefined)[]): PolicyWord | undefined =>
  firstPolicy(...places)?.policy;

/** The longest list of words that the hook reads. */
const LONGEST = 100;
/**
 * So much of a value is shown. Anybody may write 256 KiB there, and a slip is recognised by its first letters. It is shorter than
 * the words that programs look for in a 429, such as those of the descheduler (`in-background.ts`).
 */
const SHOWN = 20;

/**
 * What the annotations of one object say. The value is a word, or several with commas between them, and `hold` counts before
 * `ignore`. What the hook does not understand counts as `hold`, because doubt waits (S6).
 */
export function policyIn(annotations: Readonly<Record<string, unknown>> | null | undefined): Policy {
  const value = annotations?.[POLICY_KEY];
  if (typeof value !== 'string' || value === '') return {};
  const words = value.length > LONGEST ? [] : value.split(',').map((word) => word.trim());
  if (words.includes('hold')) return { policy: 'hold' };
  const isIgnore = words.length > 0 && words.every((word) => word === 'ignore');
  return isIgnore ? { policy: 'ignore' } : { policy: 'hold', policyValue: shown(value) };
}

/** How it holds a pod, as the end of a sentence that begins with the annotation. */
export function describeHold({ policyValue }: Policy): string {
  if (policyValue === undefined) return 'says hold';
  return `is ${JSON.stringify(policyValue)}, which is neither ignore nor hold and counts as hold`;
}

/** A tenant wrote it, and people read it on a terminal. */
function shown(value: string): string {
  const text = short(value, SHOWN).replace(/[^ -~]+/g, '?');
  return value.length > SHOWN ? `${text}...` : text;
}
