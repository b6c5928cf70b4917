import type { RehearsalRecord } from '../evidence/record.ts';
import { type Html, html } from './html.ts';
import { PLOT } from './measures.ts';

/** A text at the head of the drawing, with a line down through all lanes: a drain begins or ends, a fault is made. */
export interface Head {
  readonly name: 'drain' | 'note';
  readonly x: number;
  readonly text: string;
  /** Whether the text stands left of its line. */
  readonly isLeft: boolean;
  readonly y: number;
}

const LINE = 15;
const LETTER = 7.2;
const GAP = 6;

/** Every text in a place of its own, in as few lines as that takes. */
export function headsOf(record: RehearsalRecord, x: (ms: number) => number): Head[] {
  const taken: { readonly from: number; readonly to: number }[][] = [];
  const wanted = wantedIn(record).sort((a, b) => a.ms - b.ms);
  return wanted.map(({ ms, text, name, isEnd }) => {
    const at = x(ms);
    const width = text.length * LETTER + GAP;
    const hasRoomLeft = at - width > PLOT.left;
    const isLeft = hasRoomLeft && (isEnd || at + width > PLOT.right);
    const from = isLeft ? at - width : at;
    const to = from + width;
    const free = taken.findIndex((line) => line.every((other) => to < other.from || from > other.to));
    const line = free === -1 ? taken.length : free;
    taken[line] = [...(taken[line] ?? []), { from, to }];
    return { name, x: at, text, isLeft, y: 16 + LINE * line };
  });
}

interface Wanted {
  readonly ms: number;
  readonly text: string;
  readonly name: Head['name'];
  readonly isEnd: boolean;
}

function wantedIn({ drains, log }: RehearsalRecord): Wanted[] {
  return [
    ...drains.map(
      ({ beganMs, drainer, node }): Wanted => ({
        ms: beganMs,
        text: `${drainer} ${node}`,
        name: 'drain',
        isEnd: false,
      }),
    ),
    ...drains.flatMap(({ endedMs, result }): Wanted[] =>
      endedMs === undefined
        ? []
        : [{ ms: endedMs, text: `drain ended: ${result ?? 'no result'}`, name: 'drain', isEnd: true }],
    ),
    ...log.flatMap(({ who, what, afterMs }): Wanted[] =>
      who === 'rehearsal' ? [{ ms: afterMs, text: what, name: 'note', isEnd: false }] : [],
    ),
  ];
}

/** From when to when the rehearsal kept something stopped, like the hook. */
export function outagesIn({
  log,
  durationMs,
}: RehearsalRecord): { readonly what: string; fromMs: number; toMs: number }[] {
  const said = log.filter(({ who }) => who === 'rehearsal');
  return said.flatMap(({ what: line, afterMs: fromMs }) => {
    const what = /^stops (.+)$/.exec(line)?.[1];
    if (what === undefined) return [];
    const back = said.find((one) => one.afterMs >= fromMs && one.what === `has started ${what}`);
    return [{ what, fromMs, toMs: back?.afterMs ?? durationMs }];
  });
}

/** Where the lanes may begin. */
export const belowHeads = (heads: readonly Head[]) => Math.max(16, ...heads.map(({ y }) => y)) + 30;

/** The lines before the texts, so that no line runs over a text. */
export function drawHeads(heads: readonly Head[], bottom: number): Html {
  return html`${heads.map(({ name, x, y }) => html`<line class="flag ${name}" x1="${x}" x2="${x}" y1="${y - 10}" y2="${bottom}"/>`)}${heads.map(
    ({ x, y, text, isLeft }) =>
      html`<text class="flag" x="${x + (isLeft ? -GAP : GAP)}" y="${y}" text-anchor="${isLeft ? 'end' : 'start'}">${text}</text>`,
  )}`;
}
