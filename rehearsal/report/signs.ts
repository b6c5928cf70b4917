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
    case 'stalled':
      // An hourglass.
      return `M${r(x - s)} ${r(y - 1.2 * s)}h${2 * s}l${-2 * s} ${r(2.4 * s)}h${2 * s}z`;
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
function tick(x: number, y: number, s: number, count = 1): string {
  return `M${round(x)} ${round(y + 1.2 * s)}v${round((1 + 0.4 * Math.min(count, MOST_TOLD)) * s)}`;
}

/** More of them on one spot look like this many: below is the name of the next instance. */
const MOST_TOLD = 3;
/** About as wide as a tick is drawn: what is nearer to the one before cannot be told from it. */
const TICK = 2.4;

/** All refusals of an instance as one shape. A tick is longer where several fall on the same spot. */
export function refusals(xs: readonly number[], y: number, size: number): Html {
  const spots: { readonly x: number; count: number }[] = [];
  for (const x of [...xs].sort((a, b) => a - b)) {
    const last = spots.at(-1);
    if (last !== undefined && x - last.x < TICK) last.count += 1;
    else spots.push({ x, count: 1 });
  }
  return html`<path class="sign refused" d="${spots.map(({ x, count }) => tick(x, y, size, count)).join('')}"/>`;
}
