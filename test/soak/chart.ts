import type { Point } from './trend.ts';

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
}

export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** Length of the x axis, in milliseconds. */
  readonly durationMs: number;
  /** Dots instead of lines, for what is counted round by round. */
  readonly dots?: boolean;
}

const WIDTH = 900;
const HEIGHT = 180;
const LEFT = 60;
const BOTTOM = 24;
const TOP = 28;
const TICKS = 4;

/** One chart as SVG; the y axis begins at 0. */
export function drawChart(chart: Chart): string {
  const highest = Math.max(1e-9, ...chart.series.flatMap(({ points }) => points.map(({ y }) => y)));
  const top = niceAbove(highest);
  const x = (ms: number) => LEFT + (ms / Math.max(1, chart.durationMs)) * (WIDTH - LEFT - 10);
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const lines = Array.from({ length: TICKS + 1 }, (_, i) => (top * i) / TICKS).map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${round(y(value))}" y2="${round(y(value))}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${round(y(value) + 4)}" text-anchor="end">${number(value)}</text>`,
  );
  const minutes = Array.from({ length: 7 }, (_, i) => (chart.durationMs * i) / 6).map(
    (ms) => `<text x="${round(x(ms))}" y="${HEIGHT - 6}" text-anchor="middle">${number(ms / 60_000)} min</text>`,
  );
  const drawn = chart.series.map(({ colour, points }) => {
    if (chart.dots === true) {
      return points
        .map((one) => `<circle cx="${round(x(one.x))}" cy="${round(y(one.y))}" r="2" fill="${colour}"/>`)
        .join('');
    }
    const path = points.map((one) => `${round(x(one.x))},${round(y(one.y))}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
  });
  const legend = chart.series.map(
    ({ name, colour }, i) =>
      `<text x="${WIDTH - 10 - i * 110}" y="16" text-anchor="end" fill="${colour}">${escapeText(name)}</text>`,
  );
  const title = `<text x="${LEFT}" y="16" font-weight="bold">${escapeText(chart.title)}${chart.unit && `, ${chart.unit}`}</text>`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(chart.title)}">${[title, ...legend, ...lines, ...minutes, ...drawn].join('')}</svg>`;
}

/** The next 1, 2, 2.5 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= value) ?? 10);
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const round = (value: number) => Math.round(value * 10) / 10;
const number = (value: number) => String(Number(value.toPrecision(3)));
