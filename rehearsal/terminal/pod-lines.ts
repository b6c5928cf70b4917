import { formatAge } from '../../src/policy/duration.ts';
import type { Followed } from '../evidence/recorder.ts';

export interface PodLinesOptions {
  /** On the clock of the recorder. */
  readonly nowMs: number;
  /** How many lines there may be; at least 2. */
  readonly rows: number;
}

interface Line {
  readonly pod: string;
  readonly node: string;
  readonly state: string;
  readonly age: string;
  /** The lower, the more it is worth looking at. */
  readonly rank: number;
}

/** A line a pod that exists. Where there is no room for all, those in motion, and how many are left out. */
export function podLines(followed: readonly Followed[], { nowMs, rows }: PodLinesOptions): string[] {
  const all = followed.filter(({ times }) => times.goneMs === undefined).map((one) => lineOf(one, nowMs));
  const room = rows - 1;
  const isCut = all.length > room;
  const shown = isCut ? all.toSorted((a, b) => a.rank - b.rank).slice(0, Math.max(1, room - 1)) : all;
  const head = { pod: 'pod', node: 'node', state: 'state', age: 'age' };
  const table = [head, ...shown.toSorted(byName)];
  const width = (key: keyof typeof head) => Math.max(...table.map((line) => line[key].length));
  const widths = { pod: width('pod'), node: width('node'), state: width('state') };
  const lines = table.map(({ pod, node, state, age }) =>
    [pod.padEnd(widths.pod), node.padEnd(widths.node), state.padEnd(widths.state), age].join('  '),
  );
  return isCut ? [...lines, `and ${all.length - shown.length} more`] : lines;
}

function lineOf(one: Followed, nowMs: number): Line {
  const { pod, cluster, times } = one;
  const state = stateOf(one);
  const rank = state === 'ready' ? (cluster === undefined ? 3 : 2) : cluster === undefined ? 1 : 0;
  return { pod: pod.name, node: pod.node ?? '–', state, age: formatAge(nowMs - (times.createdMs ?? nowMs)), rank };
}

function stateOf({ pod, times, marks }: Followed): string {
  if (times.terminatingMs !== undefined) return 'terminating';
  if (pod.node === undefined) return 'pending';
  if (!pod.ready) return 'starting';
  if (!marks.has('marked')) return 'ready';
  const refused = marks.get('refused')?.length ?? 0;
  return refused === 0 ? 'marked' : `marked, refused ${refused}x`;
}

const byName = (a: Line | { pod: string }, b: Line | { pod: string }) =>
  a.pod.localeCompare(b.pod, 'en', { numeric: true });
