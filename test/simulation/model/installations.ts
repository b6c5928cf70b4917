import type { Selector } from '../../../src/policy/model.ts';

/** Which pods a second installation of the hook selects, beside the one that is looked at: see `selects`. */
export type Second = 'none' | 'apart' | 'overlapping';

/** The names of the installations, which are those of their registrations. */
export const OURS = 'reschedule-hook';
export const SECOND = 'second-hook';
export type Installation = typeof OURS | typeof SECOND;

/** The label that the second installation selects by. */
export const SECOND_LABEL = 'example.com/second';

/** Whether a member of this name has the second installation's label: every other one. */
export const hasSecondLabel = (name: string) => Number(/^cb-(\d)/.exec(name)?.[1] ?? 0) % 2 === 1;

/** Whether an installation selects the pods of a name, as long as they have their labels. */
export function selects(second: Second, installation: Installation, name: string): boolean {
  return installation === SECOND ? hasSecondLabel(name) : second !== 'apart' || !hasSecondLabel(name);
}

export function selectorOf(second: Second, installation: Installation): Selector {
  if (installation === SECOND) return [{ op: 'exists', key: SECOND_LABEL }];
  const app = { op: 'in', key: 'app', values: ['couchbase'] } as const;
  return second === 'apart' ? [app, { op: 'missing', key: SECOND_LABEL }] : [app];
}
