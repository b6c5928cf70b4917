import type { HeapCounts, Weight } from './snapshot.ts';

/** What one kind of object was in the earlier snapshot, and is in the later one. */
export interface KindChange {
  readonly name: string;
  readonly before: Weight;
  readonly after: Weight;
}

export interface HeapComparison {
  readonly before: Weight;
  readonly after: Weight;
  /** Those that grew, in weight or in number; what grew by most bytes comes first. */
  readonly kinds: readonly KindChange[];
}

const NONE: Weight = { count: 0, bytes: 0 };
const ROWS = 20;

export function compareHeaps(before: HeapCounts, after: HeapCounts): HeapComparison {
  const kinds = [...after].map(([name, weight]) => ({ name, before: before.get(name) ?? NONE, after: weight }));
  const grown = kinds.filter(({ before, after }) => after.bytes > before.bytes || after.count > before.count);
  grown.sort((a, b) => b.after.bytes - b.before.bytes - (a.after.bytes - a.before.bytes));
  return { before: sumOf(before), after: sumOf(after), kinds: grown };
}

function sumOf(counts: HeapCounts): Weight {
  const all = [...counts.values()];
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** A line for all, and one for each of the kinds that grew by most. The columns are parted by tabs. */
export function rowsOf({ before, after, kinds }: HeapComparison): string[][] {
  return [{ name: 'everything', before, after }, ...kinds.slice(0, ROWS)].map(({ name, before, after }) => [
    name,
    `${before.count} → ${after.count}`,
    `${kilobytes(before.bytes)} → ${kilobytes(after.bytes)} kB`,
    `${after.bytes >= before.bytes ? '+' : ''}${kilobytes(after.bytes - before.bytes)} kB`,
  ]);
}

const kilobytes = (bytes: number) => (bytes / 1_000).toFixed(1);
