import type { MarkKind, PodRecord } from '../evidence/record.ts';

/** What can be seen on a bar: the marks of a record, and the moment an instance became ready. */
export type Sign = MarkKind | 'ready';

/** In the order of a move, with what each means. */
export const SIGNS: Readonly<Record<Sign, string>> = {
  marked: 'marked by the hook',
  refused: 'eviction refused',
  stalled: 'stalled: its operator does not act',
  deleted: 'deleted by its operator',
  created: 'created by its operator',
  ready: 'ready',
  released: 'drain released',
  pruned: 'entry pruned',
};

/** `1:02.3`: minutes, seconds, tenths. What was before the start is `before`. */
export function clock(ms: number): string {
  if (ms < 0) return 'before';
  const tenths = Math.round(ms / 100);
  const seconds = (Math.floor(tenths / 10) % 60).toString().padStart(2, '0');
  return `${Math.floor(tenths / 600)}:${seconds}.${tenths % 10}`;
}

/** `42 s`, `1 min 5 s`: a span for a sentence. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

export const shortUid = (uid: string) => uid.slice(0, 8);

/** Every time something is seen at an instance, by kind, in the order of SIGNS. */
export function signsOf({ marks, readyMs }: PodRecord): [Sign, readonly number[]][] {
  const at: Partial<Record<Sign, readonly number[]>> = {
    ...marks,
    ...(readyMs !== undefined && readyMs >= 0 ? { ready: [readyMs] } : {}),
  };
  return (Object.keys(SIGNS) as Sign[]).flatMap((sign) => {
    const times = at[sign] ?? [];
    return times.length === 0 ? [] : [[sign, times] as [Sign, readonly number[]]];
  });
}
