import { type Check, outcomeOf, type RehearsalRecord } from '../evidence/record.ts';
import { drawingOf } from './drawing.ts';
import { type Html, html } from './html.ts';
import { shapeOf } from './signs.ts';
import { logOf, tablesOf } from './tables.ts';
import { count, SIGNS, type Sign, signsOf, span } from './words.ts';

/** One rehearsal: what came of it, what was checked, the drawing, its tables and the log. */
export function sectionOf(record: RehearsalRecord, id: string): Html {
  const { scenario, checks, versions, startedAt } = record;
  const taking = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return html`<article class="rehearsal" id="${id}" aria-labelledby="${id}-title">
<header><p class="scenario"><code>${scenario.name}</code></p><h2 id="${id}-title">${scenario.title}</h2><p class="about">${scenario.about}</p></header>
<div class="outcome">${verdictOf(record)}
<ul class="checks" aria-label="What had to hold">${checks.map(checkOf)}</ul></div>
<dl class="figures">${figuresOf(record).map(([what, value]) => html`<div><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>
<section class="timeline"><h3>Timeline</h3>
${legendOf(record)}
<div class="scroll stage" role="group" aria-label="Drawing of the timeline" tabindex="0"><div class="sheet">${drawingOf(record, id)}
<input class="scrub" type="range" hidden min="0" max="${record.durationMs}" value="0" step="100" aria-label="Moment of the timeline"></div></div>
<div class="moment" hidden><button type="button" class="step" value="-1" aria-label="Earlier">◀</button><button type="button" class="step" value="1" aria-label="Later">▶</button><output></output></div>
${tablesOf(record)}</section>
${logOf(record)}
<p class="made">${startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')} · ${taking.join(' · ')}</p>
</article>`;
}

export function wordFor(record: RehearsalRecord): string {
  const { ends } = record.scenario;
  const outcome = outcomeOf(record);
  if (outcome !== 'safe') return outcome === 'unsafe' ? 'Not safe' : 'Not proven';
  return ends === undefined ? 'Safe' : `As expected: ${ends}`;
}

/** A tick or a cross; always beside words that say the same. */
export function tickOrCross(holds: boolean): Html {
  const path = holds ? 'M5 12.5l4.5 4.5L19 7.5' : 'M6.5 6.5l11 11M17.5 6.5l-11 11';
  return html`<svg class="icon ${holds ? 'good' : 'bad'}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="11"/><path d="${path}"/></svg>`;
}

function verdictOf(record: RehearsalRecord): Html {
  const { holds, checks } = record;
  const held = checks.filter((check) => check.holds).length;
  return html`<p class="verdict ${holds ? 'good' : 'bad'}">${tickOrCross(holds)}<span><strong>${wordFor(record)}</strong> <small>${held} of ${count(checks.length, 'check')} hold</small></span></p>`;
}

function checkOf({ what, holds, problems }: Check): Html {
  return html`<li class="${holds ? 'good' : 'bad'}">${tickOrCross(holds)}<span><span class="said">${holds ? 'holds: ' : 'fails: '}</span>${what}${problems.length > 0 && html`<ul>${problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}</span></li>`;
}

function figuresOf({ drains, durationMs, figures }: RehearsalRecord): [string, string][] {
  const drained = drains.map(({ node, beganMs, endedMs = durationMs }): [string, string] => [
    `drain of ${node}`,
    span(endedMs - beganMs),
  ]);
  return [...drained, ...figures.map(({ what, value }): [string, string] => [what, value])];
}

/** What the shapes and fills in this drawing mean; only those that are in it. */
function legendOf({ pods }: RehearsalRecord): Html {
  const seen = new Set(pods.flatMap((pod) => signsOf(pod).map(([sign]) => sign)));
  const signs = (Object.keys(SIGNS) as Sign[]).filter((sign) => seen.has(sign));
  const bar = (name: string, text: string) =>
    html`<li><svg viewBox="0 0 26 14" aria-hidden="true"><rect class="phase ${name}" x="1" y="${name === 'plain' ? 4 : 2}" width="24" height="${name === 'plain' ? 6 : 10}"/></svg>${text}</li>`;
  return html`<ul class="legend" aria-label="What the shapes mean">${bar('running', 'pod ready')}${seen.has('marked') && bar('waiting', 'marked, waiting for its operator')}${pods.some(({ cluster }) => cluster === undefined) && bar('plain', 'pod that nobody protects')}
${signs.map((sign) => html`<li><svg viewBox="0 0 22 20" aria-hidden="true">${shapeOf(sign, 10, sign === 'refused' ? 2 : sign === 'marked' ? 6 : 10, 5)}</svg>${SIGNS[sign]}</li>`)}</ul>`;
}
