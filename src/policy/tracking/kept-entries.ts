import { createHash } from 'node:crypto';
import { ENTRY_PREFIX } from '../entry.ts';
import { POLICY_KEY } from '../policy-annotation.ts';

/**
 * How many entries of one tracker are kept. All annotations of an object have at most 256 KiB, and no more entries than
 * this fit into them if the hook wrote them. Only made-up entries are shorter.
 */
export const ENTRIES_MAX = 2_500;
/** The same for an object of the hook, whose data have at most 1 MiB. */
export const OWN_ENTRIES_MAX = 12_000;
/** Twice the longest value that the hook writes, in characters. */
export const VALUE_MAX = 2_048;

export interface KeptEntries {
  readonly entries: Readonly<Record<string, string>>;
  /** How many entries were left out. */
  readonly leftOut: number;
}

/**
 * The entries among the annotations of a tracker. Of too many it keeps first those that look as if the hook wrote them.
 * An entry that is left out can cost one more move of its pod, as if somebody had removed it. It comes into view when
 * others are pruned.
 */
export function keepEntries(annotations: Readonly<Record<string, string>>, most = ENTRIES_MAX): KeptEntries {
  const [written, others]: [string[], string[]] = [[], []];
  let count = 0;
  // Not Object.entries: of 12,500 made-up entries it takes four times as long.
  for (const key in annotations) {
    if (!key.startsWith(ENTRY_PREFIX) || key === POLICY_KEY) continue;
    count++;
    if (annotations[key]?.startsWith('{"uid":"')) written.push(key);
    else if (others.length < most) others.push(key);
  }
  const entries: Record<string, string> = {};
  const chosen = [...written, ...others].slice(0, most);
  for (const key of chosen) entries[key] = keepValue(annotations[key] ?? '');
  return { entries: Object.freeze(entries), leftOut: count - chosen.length };
}

const STAND_IN = 'too long for an entry: ';

/** The value, or what stands for one that is too long: an unknown earlier instance, which changes when the value does. */
export function keepValue(value: string): string {
  return value.length <= VALUE_MAX ? value : STAND_IN + createHash('sha256').update(value).digest('hex');
}

/** Whether a kept value stands for a longer one. */
export function isStandIn(kept: string): boolean {
  return kept.startsWith(STAND_IN);
}

/** Whether entries are there, by the object that holds them: it stays the same for as long as they do. */
const known = new WeakMap<object, boolean>();

/** Whether the tracker has entries. Asked once for each change of a pod, so it does not list thousands of keys each time. */
export function hasEntries({ entries }: { readonly entries: Readonly<Record<string, string>> }): boolean {
  const found = known.get(entries) ?? Object.keys(entries).length > 0;
  known.set(entries, found);
  return found;
}
