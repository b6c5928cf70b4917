import { formatAge } from './duration.ts';
import type { Entry } from './model.ts';
import type { MarkRecord } from './observation.ts';

/** What is known of the marks of one instance, from its entry and from the process. */
export interface MarkHistory {
  /** When it was marked first; undefined if nobody knows. */
  readonly firstAt?: number;
  /** When it was marked last, or lost its last mark. */
  readonly lastAt?: number;
  readonly marks: number;
  /** Who took the last mark away. */
  readonly unmarkedBy?: string;
}

/** `markedAt`: of its present mark. `entry`: the entry of the pod's name, whichever instance it is about. */
export function markHistory(
  { uid, markedAt }: { readonly uid: string; readonly markedAt?: number | undefined },
  entry: Entry | undefined,
  ownMarks: MarkRecord | undefined,
): MarkHistory {
  const own = entry?.uid === uid ? entry : undefined;
  const record = ownMarks?.uid === uid ? ownMarks : undefined;
  const times = [own?.firstAt ?? own?.at, record?.at, markedAt].filter((at) => at !== undefined);
  const last = [own?.at, record?.lastAt, markedAt].filter((at) => at !== undefined);
  return {
    ...(last.length === 0 ? {} : { lastAt: Math.max(...last) }),
    ...(times.length === 0 ? {} : { firstAt: Math.min(...times) }),
    marks: Math.max(own?.marks ?? 1, record?.marks ?? 1),
    ...(own?.unmarkedBy === undefined ? {} : { unmarkedBy: own.unmarkedBy }),
  };
}

/** Continues a sentence after `marked`: how often, and who undid it. Empty after a single mark. */
export function describeMarks({ marks, unmarkedBy, firstAt }: MarkHistory, now: number): string {
  if (marks < 2) return '';
  const within = firstAt === undefined ? '' : ` in ${formatAge(now - firstAt)}`;
  const by = unmarkedBy === undefined ? '' : `, probably by ${unmarkedBy}`;
  return `${marks} times${within}, and each time the mark was taken away${by}`;
}
