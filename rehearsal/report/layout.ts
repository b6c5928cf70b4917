import type { PodRecord, RehearsalRecord } from '../evidence/record.ts';
import { belowHeads, type Head, headsOf } from './heads.ts';
import { PLOT, round } from './measures.ts';

/** Where everything of the drawing goes. Pure; lengths are in units of the drawing, which is WIDTH wide. */
export interface Layout {
  readonly isDense: boolean;
  readonly rowHeight: number;
  readonly lanes: readonly Lane[];
  readonly bars: readonly Bar[];
  readonly heads: readonly Head[];
  readonly lanesTop: number;
  /** Below the last lane. */
  readonly lanesEnd: number;
  readonly x: (ms: number) => number;
}

export interface Lane {
  /** A node's name; undefined for pods that never got a node. */
  readonly node: string | undefined;
  readonly top: number;
  readonly height: number;
}

export interface Bar {
  readonly pod: PodRecord;
  /** The middle of the bar. */
  readonly y: number;
  readonly from: number;
  /** Where its last phase ends. */
  readonly to: number;
  /** Where the last that was said about it stands; never before `to`. */
  readonly until: number;
}

const LANE_PADDING = 7;
/** So many rows can have their names written above them; with more the drawing would be too long to be seen at once. */
const MOST_NAMED_ROWS = 44;
const NAMED = { rowHeight: 35, bar: 19 };
const DENSE = { rowHeight: 9, bar: 4.5 };
/** About the width of a letter of a bar's name. */
const LETTER = 6.6;
const GAP = 10;

export function layOut(record: RehearsalRecord): Layout {
  const x = scaleOf(record.durationMs);
  const named = packAll(record, x, true);
  const rows = named.reduce((sum, { rows }) => sum + Math.max(1, rows.length), 0);
  const isDense = rows > MOST_NAMED_ROWS;
  const packed = isDense ? packAll(record, x, false) : named;
  const { rowHeight, bar } = isDense ? DENSE : NAMED;
  const lanes: Lane[] = [];
  const bars: Bar[] = [];
  const heads = headsOf(record, x);
  const lanesTop = belowHeads(heads);
  let top = lanesTop;
  for (const { node, rows } of packed) {
    const height = Math.max(rows.length * rowHeight, NAMED.rowHeight) + 2 * LANE_PADDING;
    lanes.push({ node, top, height });
    for (const [i, row] of rows.entries()) {
      const y = top + LANE_PADDING + i * rowHeight + bar;
      for (const pod of row) bars.push({ pod, y, ...extentOf(pod, record.durationMs, x) });
    }
    top += height;
  }
  return { isDense, rowHeight, heads, lanes, bars, lanesTop, lanesEnd: top, x };
}

function scaleOf(durationMs: number): (ms: number) => number {
  const perMs = (PLOT.right - PLOT.left) / Math.max(1, durationMs);
  return (ms) => round(PLOT.left + Math.min(Math.max(0, ms), Math.max(1, durationMs)) * perMs);
}

interface Packed {
  readonly node: string | undefined;
  readonly rows: readonly (readonly PodRecord[])[];
}

/** The instances of each node in as few rows as they fit in, one after the other. */
function packAll(record: RehearsalRecord, x: (ms: number) => number, isNamed: boolean): Packed[] {
  const known = record.nodes.map(({ name }) => name);
  const others = record.pods.flatMap(({ node }) => (node === undefined || known.includes(node) ? [] : [node]));
  const homeless = record.pods.some(({ node }) => node === undefined);
  const nodes = [...known, ...new Set(others), ...(homeless ? [undefined] : [])];
  return nodes.map((node) => {
    const pods = record.pods.filter((pod) => pod.node === node).sort(byRankAndTime);
    return { node, rows: pack(pods, record.durationMs, x, isNamed) };
  });
}

function pack(pods: readonly PodRecord[], durationMs: number, x: (ms: number) => number, isNamed: boolean) {
  const rows: { readonly pods: PodRecord[]; end: number; readonly isProtected: boolean }[] = [];
  for (const pod of pods) {
    const { from, until } = extentOf(pod, durationMs, x);
    const end = Math.max(until, isNamed ? from + pod.name.length * LETTER : from) + GAP;
    const isProtected = pod.cluster !== undefined;
    const row = rows.find((candidate) => candidate.end <= from && candidate.isProtected === isProtected);
    if (row === undefined) rows.push({ pods: [pod], end, isProtected });
    else {
      row.pods.push(pod);
      row.end = end;
    }
  }
  return rows.map(({ pods }) => pods);
}

/** Protected pods first: they are what this is about. */
function byRankAndTime(a: PodRecord, b: PodRecord): number {
  const rank = Number(a.cluster === undefined) - Number(b.cluster === undefined);
  const time = Math.max(0, a.createdMs) - Math.max(0, b.createdMs);
  return rank || time || a.name.localeCompare(b.name, 'en', { numeric: true });
}

function extentOf(pod: PodRecord, durationMs: number, x: (ms: number) => number) {
  const endMs = pod.goneMs ?? durationMs;
  const untilMs = Math.max(endMs, ...Object.values(pod.marks).flatMap((times) => times.at(-1) ?? []));
  return { from: x(pod.createdMs), to: x(endMs), until: x(untilMs) };
}

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Round times for an axis, a dozen at most where the duration is below ten hours. */
export function ticksOf(durationMs: number): number[] {
  const stepMs = 1000 * (STEPS_S.find((s) => durationMs / (s * 1000) <= 12) ?? 7200);
  return Array.from({ length: Math.floor(durationMs / stepMs) + 1 }, (_, i) => Math.round(i * stepMs));
}
