/** On a pod, its tracker or its Namespace: how people overrule what the hook would do with evictions. */
export const POLICY_KEY = 'reschedule.hook/policy';

/** `ignore`: the hook lets the pod go. `hold`: it refuses the eviction and does not mark the pod. */
export type PolicyWord = 'ignore' | 'hold';

/** What the first of them says that says anything: pod, tracker, Namespace. */
export function firstWord(
  ...places: readonly ({ readonly policy?: PolicyWord } | undefined)[]
): PolicyWord | undefined {
  return places.find((place) => place?.policy !== undefined)?.policy;
}

/** The longest list of words that the hook reads. */
const LONGEST = 100;

/**
 * What the annotations of one object say; undefined if they say nothing. The value is a word, or several with commas between
 * them, and `hold` counts before `ignore`. What the hook does not understand counts as `hold`, because doubt waits (S6).
 */
export function policyIn(annotations: Readonly<Record<string, unknown>> | null | undefined): PolicyWord | undefined {
  const value = annotations?.[POLICY_KEY];
  if (typeof value !== 'string' || value === '') return undefined;
  if (value.length > LONGEST) return 'hold';
  const words = value.split(',').map((word) => word.trim());
  return words.every((word) => word === 'ignore') ? 'ignore' : 'hold';
}
