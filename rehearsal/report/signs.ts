import { type Html, html } from './html.ts';
import { round } from './measures.ts';
import type { Sign } from './words.ts';

/** The shape of a sign at a place. Every kind has a shape of its own, so that nothing is told by colour alone. */
export function shapeOf(sign: Sign, x: number, y: number, size: number): Html {
  return html`<path class="sign ${sign}" d="${pathOf(sign, x, y, size)}"/>`;
}

function pathOf(sign: Sign, x: number, y: number, s: number): string {
  const r = round;
  switch (sign) {
    case 'marked':
      // It hangs down, for the name of the instance stands above the bar.
      return `M${r(x)} ${r(y - s)}V${r(y + 2.7 * s)}l${r(1.7 * s)} ${r(-0.7 * s)}l${r(-1.7 * s)} ${r(-0.7 * s)}`;
    case 'refused':
      return tick(x, y, s);
    case 'deleted':
      return `M${r(x - s)} ${r(y - s)}l${2 * s} ${2 * s}M${r(x - s)} ${r(y + s)}l${2 * s} ${-2 * s}`;
    case 'created':
      return `M${r(x - s)} ${r(y)}h${2 * s}M${r(x)} ${r(y - s)}v${2 * s}`;
    case 'ready':
      return `M${r(x - s)} ${r(y)}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0z`;
    case 'released':
      return `M${r(x - 0.7 * s)} ${r(y - s)}l${r(1.7 * s)} ${s}l${r(-1.7 * s)} ${s}z`;
    case 'pruned':
      return `M${r(x)} ${r(y - 1.2 * s)}l${r(1.2 * s)} ${r(1.2 * s)}l${r(-1.2 * s)} ${r(1.2 * s)}l${r(-1.2 * s)} ${r(-1.2 * s)}z`;
  }
}

/** Below the bar: there are many of them, and they must not hide what is on it. */
function tick(x: number, y: number, s: number): string {
  return `M${round(x)} ${round(y + 1.2 * s)}v${round(1.4 * s)}`;
}

/** All refusals of an instance as one shape; what falls on the same spot is drawn once. */
export function refusals(xs: readonly number[], y: number, size: number): Html {
  const spots = [...new Set(xs.map((x) => Math.round(x * 2) / 2))];
  return html`<path class="sign refused" d="${spots.map((x) => tick(x, y, size)).join('')}"/>`;
}
