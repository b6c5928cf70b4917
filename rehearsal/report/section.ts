import { type Check, outcomeOf, type RehearsalRecord } from '../evidence/record.ts';
import { drawingOf } from './drawing.ts';
import { outagesIn } from './heads.ts';
import { type Html, html } from './html.ts';
import { resultOf } from './result.ts';
import { shapeOf } from './signs.ts';
import { logOf, tablesOf } from './tables.ts';
import { clock, count, SIGNS, type Sign, signsOf, span } from './words.ts';

/** One of several rehearsals: folded if it was safe. A link to it opens it, because its id is inside. */
export function foldedOf(record: RehearsalRecord, id: string): Html {
  return html`<article class="rehearsal" aria-labelledby="${id}-title"><details${outcomeOf(record) !== 'safe' && html` open`}>
<summary>${headOf(record, id)}</summary>
<div class="unfolded" id="${id}">${bodyOf(record, id)}</div></details></article>`;
}

/** The only rehearsal. */
export function sectionOf(record: RehearsalRecord, id: string): Html {
  return html`<article class="rehearsal" id="${id}" aria-labelledby="${id}-title">
${headOf(record, id)}
${bodyOf(record, id)}</article>`;
}

function headOf(record: RehearsalRecord, id: string): Html {
  const { name, title } = record.scenario;
  return html`<div class="head"><p class="scenario"><code>${name}</code></p><h2 id="${id}-title">${title}</h2><p class="result">${resultOf(record)}</p></div>`;
}

/** What was checked, the drawing, its tables, the log, and what took part. */
function bodyOf(record: RehearsalRecord, id: string): Html {
  const { scenario, checks, versions, settings = {}, startedAt } = record;
  const taking = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const set = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return html`<p class="about">${scenario.about}</p>
<div class="outcome">${verdictOf(record)}
<ul class="checks" aria-label="What had to hold">${checks.map((check) => checkOf(check, id))}</ul></div>
<dl class="figures" id="${id}-figures">${figuresOf(record).map(([what, value]) => html`<div><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>
<section class="timeline" id="${id}-timeline"><h3>Timeline</h3>
${legendOf(record)}
<div class="scroll stage" role="group" aria-label="Drawing of the timeline" tabindex="0"><div class="sheet">${drawingOf(record, id)}
<input class="scrub" type="range" hidden min="0" max="${record.durationMs}" value="0" step="100" aria-label="Moment of the timeline"></div></div>
<p class="sideways">Scroll the drawing sideways: it goes on to ${clock(record.durationMs)} →</p>
<div class="moment" hidden><button type="button" class="step" value="-1" aria-label="Earlier">◀</button><button type="button" class="step" value="1" aria-label="Later">▶</button><output></output></div>
${tablesOf(record, id)}</section>
${logOf(record, id)}
<p class="made">${startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')} · ${taking.join(' · ')}${set.length > 0 && html`<br>Settings: <code>${set.join(' ')}</code>`}</p>`;
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

/** A link from what had to hold to what shows it. */
function checkOf({ what, holds, problems, shownIn = 'log' }: Check, id: string): Html {
  return html`<li class="${holds ? 'good' : 'bad'}">${tickOrCross(holds)}<span><span class="said">${holds ? 'holds: ' : 'fails: '}</span><a href="#${id}-${shownIn}">${what}</a>${problems.length > 0 && html`<ul>${problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}</span></li>`;
}

function figuresOf({ drains, durationMs, figures }: RehearsalRecord): [string, string][] {
  const drained = drains.map(({ node, beganMs, endedMs = durationMs }): [string, string] => [
    `drain of ${node}`,
    span(endedMs - beganMs),
  ]);
  return [...drained, ...figures.map(({ what, value }): [string, string] => [what, value])];
}

/** What the shapes and fills in this drawing mean; only those that are in it. */
function legendOf(record: RehearsalRecord): Html {
  const { pods } = record;
  const seen = new Set(pods.flatMap((pod) => signsOf(pod).map(([sign]) => sign)));
  const signs = (Object.keys(SIGNS) as Sign[]).filter((sign) => seen.has(sign));
  const bar = (name: string, text: string) =>
    html`<li><svg viewBox="0 0 26 14" aria-hidden="true"><rect class="phase ${name}" x="1" y="${name === 'plain' ? 4 : 2}" width="24" height="${name === 'plain' ? 6 : 10}"/></svg>${text}</li>`;
  return html`<ul class="legend" aria-label="What the shapes mean">${bar('running', 'pod ready')}${seen.has('marked') && bar('waiting', 'marked, waiting for its operator')}${pods.some(({ cluster }) => cluster === undefined) && bar('plain', 'pod that nobody protects')}${outagesIn(record).length > 0 && bar('away', 'stopped by the rehearsal')}
${signs.map((sign) => html`<li><svg viewBox="0 0 22 20" aria-hidden="true">${shapeOf(sign, 10, sign === 'refused' ? 2 : sign === 'marked' ? 6 : 10, 5)}</svg>${SIGNS[sign]}${sign === 'refused' && ' (longer: several at once)'}</li>`)}</ul>`;
}
