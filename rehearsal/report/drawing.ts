import type { AvailabilityRecord, PodRecord, RehearsalRecord } from '../evidence/record.ts';
import { drawHeads, outagesIn } from './heads.ts';
import { type Html, html } from './html.ts';
import { type Bar, type Lane, type Layout, layOut, ticksOf } from './layout.ts';
import { PLOT, round, WIDTH } from './measures.ts';
import { refusals, shapeOf } from './signs.ts';
import { clock, count, signsOf } from './words.ts';

const CHART = { gap: 30, height: 54 };

/** The whole of a rehearsal as one drawing: a lane a node, a bar an instance, and below it what was available. */
export function drawingOf(record: RehearsalRecord, id: string): Html {
  const layout = layOut(record);
  const charts = record.availability.map((one, i) => ({
    one,
    top: layout.lanesEnd + CHART.gap + i * (CHART.height + CHART.gap),
  }));
  const bottom = layout.lanesEnd + charts.length * (CHART.height + CHART.gap);
  const height = bottom + 26;
  const points = JSON.stringify(record.availability);
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-name ${id}-desc"
    class="drawing" data-left="${PLOT.left}" data-right="${PLOT.right}" data-width="${WIDTH}"
    data-duration="${record.durationMs}" data-availability="${points}">
<title id="${id}-name">Timeline of the rehearsal</title>
<desc id="${id}-desc">A lane for each node, a bar for each pod instance, and the ready members of each cluster over ${clock(record.durationMs)} minutes. The tables below say the same.</desc>
<defs>${hatch(`${id}-cordon`, 'hatch-cordon', 8)}${hatch(`${id}-start`, 'hatch-start', 5)}${hatch(`${id}-end`, 'hatch-end', 4)}</defs>
<g id="${id}-all" class="drawn${layout.isDense && ' dense'}">${layout.lanes.map((lane, i) => laneOf(record, lane, i, layout, id))}
${ticksOf(record.durationMs).map((ms) => tickAt(ms, layout, bottom))}
${outagesIn(record).map(({ what, fromMs, toMs }) => html`<rect class="phase away" x="${layout.x(fromMs)}" y="${layout.lanesTop}" width="${round(layout.x(toMs) - layout.x(fromMs))}" height="${layout.lanesEnd - layout.lanesTop}"><title>${what} is stopped</title></rect>`)}
${drawHeads(layout.heads, bottom)}
${movesIn(layout.bars).map(([from, to]) => moveOf(from, to))}
<line class="cursor" x1="0" x2="0" y1="${layout.lanesTop - 12}" y2="${bottom}" visibility="hidden"/>
${layout.bars.map((bar) => barOf(bar, record, layout, id))}
${charts.map(({ one, top }) => chartOf(one, top, record.durationMs, layout))}
</g></svg>
${piecesOf(layout, height).map(([top, end]) => html`<svg class="printed" viewBox="0 ${top} ${WIDTH} ${end - top}" aria-hidden="true"><use href="#${id}-all"/></svg>`)}`;
}

/** Where the drawing may be cut so that a printed page ends between two lanes. The heads belong to the first lane. */
function piecesOf({ lanes, lanesEnd }: Layout, height: number): [number, number][] {
  const cuts = [0, ...lanes.slice(1).map(({ top }) => top), lanesEnd, height];
  const inOrder = [...new Set(cuts)];
  return inOrder.slice(1).map((end, i) => [inOrder[i] ?? 0, end]);
}

function hatch(id: string, name: string, step: number): Html {
  return html`<pattern id="${id}" width="${step}" height="${step}" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="${name} ground" width="${step}" height="${step}"/><line class="${name}" y2="${step}"/></pattern>`;
}

function laneOf({ nodes, durationMs }: RehearsalRecord, lane: Lane, i: number, { x }: Layout, id: string): Html {
  const { node = 'no node', top, height } = lane;
  const cordons = nodes.find(({ name }) => name === lane.node)?.cordons ?? [];
  const shown = cordons.map(({ fromMs, toMs = durationMs }) => {
    const from = x(fromMs);
    return html`<rect class="cordon" x="${from}" y="${top}" width="${round(x(toMs) - from)}" height="${height}" fill="url(#${id}-cordon)"/>`;
  });
  return html`<g class="lane${i % 2 === 0 && ' even'}"><rect class="ground" x="0" y="${top}" width="${WIDTH}" height="${height}"/>${shown}
<text class="node" x="12" y="${top + 22}">${node}</text>${cordons.length > 0 && html`<text class="small" x="12" y="${top + 38}">cordoned</text>`}</g>`;
}

function tickAt(ms: number, { x, lanesTop }: Layout, bottom: number): Html {
  const at = x(ms);
  const top = lanesTop - 6;
  const label = clock(ms).replace(/\.0$/, '');
  return html`<line class="grid" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/><text class="tick" x="${at}" y="${bottom + 17}">${label}</text>`;
}

/** From each instance that went to the next one of its name. */
function movesIn(bars: readonly Bar[]): [Bar, Bar][] {
  const byName = Map.groupBy(bars, ({ pod }) => `${pod.namespace}/${pod.name}`);
  return [...byName.values()].flatMap((same) => {
    const inOrder = same
      .filter(({ pod }) => pod.cluster !== undefined)
      .sort((a, b) => a.pod.createdMs - b.pod.createdMs);
    return inOrder.slice(1).flatMap((to, i): [Bar, Bar][] => {
      const from = inOrder[i];
      return from === undefined ? [] : [[from, to]];
    });
  });
}

function moveOf(from: Bar, to: Bar): Html {
  const middle = round((from.y + to.y) / 2);
  return html`<path class="move" d="M${from.to} ${from.y}C${from.to} ${middle} ${to.from} ${middle} ${to.from} ${to.y}"/>`;
}

function barOf(bar: Bar, { durationMs }: RehearsalRecord, { x, isDense }: Layout, id: string): Html {
  const { pod, y, from, to, until } = bar;
  const isProtected = pod.cluster !== undefined;
  const half = isDense ? 2.5 : isProtected ? 5 : 3;
  const size = isDense ? 2.5 : 4.5;
  const phases = phasesOf(pod, durationMs).map(([name, fromMs, toMs]) => {
    const left = x(fromMs);
    return html`<rect class="phase ${name}" x="${left}" y="${y - half}" width="${Math.max(1, round(x(toMs) - left))}" height="${2 * half}"${fillOf(name, id)}/>`;
  });
  const signs = signsOf(pod).map(([sign, times]) =>
    sign === 'refused' ? refusals(times.map(x), y, size) : times.map((ms) => shapeOf(sign, x(ms), y, size)),
  );
  return html`<g class="pod${!isProtected && ' plain'}" data-pod="${pod.name}"><title>${titleOf(pod)}</title>
<rect class="touch" x="${from}" y="${y - (isDense ? 4.5 : 20)}" width="${Math.max(8, round(until - from))}" height="${isDense ? 9 : 30}"/>${phases}${until > to && html`<line class="after" x1="${to}" x2="${until}" y1="${y}" y2="${y}"/>`}${signs}${!isDense && nameOf(bar)}</g>`;
}

/** For the pointer; the ticks of refusals on one spot cannot be counted. */
function titleOf({ name, node = 'no node', marks: { refused = [] } }: PodRecord): string {
  return `${name} on ${node}${refused.length > 0 ? `, ${count(refused.length, 'eviction')} refused` : ''}`;
}

/** So far a name stands from a line that begins where its bar does. */
const BESIDE = 4;
/** About the width of a letter of a name. */
const LETTER = 6.65;

/** Above its bar, never over the edge, and on a ground that no line crosses. */
function nameOf({ pod, y, from }: Bar): Html {
  const width = round(pod.name.length * LETTER);
  const left = round(Math.min(from + BESIDE, PLOT.right - width));
  return html`<rect class="behind" x="${left - 1}" y="${y - 19}" width="${width + 2}" height="13"/><text class="name" x="${left}" y="${y - 9}">${pod.name}</text>`;
}

function fillOf(name: string, id: string): Html | undefined {
  if (name === 'starting') return html` fill="url(#${id}-start)"`;
  return name === 'ending' ? html` fill="url(#${id}-end)"` : undefined;
}

type Phase = readonly ['starting' | 'running' | 'waiting' | 'ending', number, number];

/** What an instance was, and from when to when: starting, running, marked and waiting for its operator, ending. */
function phasesOf(pod: PodRecord, durationMs: number): Phase[] {
  const endMs = pod.goneMs ?? durationMs;
  const endingMs = Math.min(pod.terminatingMs ?? endMs, endMs);
  const readyMs = Math.min(pod.readyMs ?? endingMs, endingMs);
  const markedMs = Math.max(readyMs, Math.min(pod.marks.marked?.[0] ?? endingMs, endingMs));
  const phases: Phase[] = [
    ['starting', Math.max(0, pod.createdMs), readyMs],
    ['running', readyMs, markedMs],
    ['waiting', markedMs, endingMs],
    ['ending', endingMs, endMs],
  ];
  return phases.filter(([, from, to]) => to > 0 && to > from);
}

/** Ready members over time as steps, under a dashed line at what is wanted. */
function chartOf({ cluster, points }: AvailabilityRecord, top: number, durationMs: number, { x }: Layout): Html {
  const most = Math.max(1, ...points.map(({ ready, wanted }) => Math.max(ready, wanted)));
  const bottom = top + CHART.height;
  // Of many members one more or less could not be seen on an axis from 0.
  const base = Math.max(0, most > 12 ? Math.min(...points.map(({ ready }) => ready)) - 2 : 0);
  const y = (n: number) => round(bottom - ((Math.max(base, n) - base) / (most - base)) * (CHART.height - 6));
  const steps = (value: 'ready' | 'wanted') =>
    points
      .map((point, i) => {
        const { afterMs, [value]: n } = point;
        return `${i === 0 ? `M${x(0)} ` : `H${x(afterMs)}V`}${y(n)}`;
      })
      .join('');
  const line = `${steps('ready')}H${x(durationMs)}`;
  const least = points.reduce(
    (low, point) => (point.ready < low.ready ? point : low),
    points[0] ?? { afterMs: 0, ready: 0, wanted: 0 },
  );
  const isLeft = x(least.afterMs) > PLOT.right - 120;
  return html`<g class="chart"><text class="node" x="12" y="${top + 22}">${cluster}</text><text class="small" x="12" y="${top + 38}">ready</text>
<text class="small level" x="${PLOT.left - 8}" y="${y(most) + 4}">${most}</text><text class="small level" x="${PLOT.left - 8}" y="${bottom + 3}">${base}</text>
<path class="area" d="${line}V${bottom}H${x(0)}z"/><path class="wanted" d="${steps('wanted')}H${x(durationMs)}"/><path class="ready" d="${line}"/>
<text class="least" x="${round(x(least.afterMs) + (isLeft ? -6 : 6))}" y="${Math.min(y(least.ready) + 16, bottom - 5)}" text-anchor="${isLeft ? 'end' : 'start'}">least: ${least.ready} of ${least.wanted}</text></g>`;
}
