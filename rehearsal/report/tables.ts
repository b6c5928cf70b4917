import type { LogRecord, PodRecord, RehearsalRecord } from '../evidence/record.ts';
import { type Content, type Html, html } from './html.ts';
import { clock, count, SIGNS, shortUid, signsOf } from './words.ts';

/** Everything that the drawing shows, in tables. */
export function tablesOf(record: RehearsalRecord, id: string): Html {
  return html`<details class="tables"><summary>The same as tables</summary>
<div id="${id}-instances">${table('Pod instances', ['pod', 'instance', 'node', 'created', 'ready', 'gone', 'what happened to it'], record.pods.map(rowOf))}</div>
<div id="${id}-nodes">${table(
    'Nodes',
    ['node', 'cordoned', 'drained'],
    record.nodes.map(({ name, cordons }) => [
      name,
      cordons.map(({ fromMs, toMs }) => period(fromMs, toMs)).join(', ') || 'never',
      record.drains
        .filter(({ node }) => node === name)
        .map(
          ({ beganMs, endedMs, result }) => `${period(beganMs, endedMs)}${result === undefined ? '' : `, ${result}`}`,
        )
        .join('; ') || 'no',
    ]),
  )}</div>
<div id="${id}-ready">${record.availability.map(({ cluster, points }) =>
    table(
      `Ready members of ${cluster}`,
      ['from', 'ready', 'wanted'],
      points.map(({ afterMs, ready, wanted }) => [clock(afterMs), ready, wanted]),
    ),
  )}</div></details>`;
}

/** Wide tables scroll by themselves, and so have to be reachable by the keyboard. */
function table(caption: string, head: readonly string[], rows: readonly (readonly Content[])[]): Html {
  return html`<div class="scroll" role="group" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

function rowOf(pod: PodRecord): Content[] {
  const time = (ms: number | undefined) => (ms === undefined ? '–' : clock(ms));
  return [
    pod.name,
    html`<code>${shortUid(pod.uid)}</code>`,
    pod.node ?? 'none',
    time(pod.createdMs),
    time(pod.readyMs),
    time(pod.goneMs),
    storyOf(pod),
  ];
}

/** The signs of an instance in the order of their first time: `marked by the hook 0:00.4; ...` */
function storyOf(pod: PodRecord): string {
  const told = signsOf(pod)
    .filter(([sign]) => sign !== 'ready')
    .sort(([, a], [, b]) => (a[0] ?? 0) - (b[0] ?? 0));
  const story = told.map(([sign, times]) => {
    const [first = 0, ...others] = times;
    const last = others.at(-1);
    const when =
      last === undefined ? clock(first) : `${count(times.length, 'time')}, ${clock(first)} to ${clock(last)}`;
    return `${SIGNS[sign]} ${when}`;
  });
  return story.join('; ') || (pod.cluster === undefined ? 'not protected' : '–');
}

const period = (from: number, to: number | undefined) =>
  `${clock(from)} to ${to === undefined ? 'the end' : clock(to)}`;

/** Every line of the log, with what the page needs to find it by time, speaker and pod. */
export function logOf({ log }: RehearsalRecord, id: string): Html {
  const speakers = [...new Set(log.map(({ who }) => who))].sort();
  const pods = [...new Set(log.flatMap(({ pod }) => pod ?? []))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  return html`<section class="log" id="${id}-log"><h3>Log</h3>
<form class="filter" hidden><label>Find <input type="search" name="text" autocomplete="off" spellcheck="false"></label>
<label>Pod <select name="pod"><option value="">all</option>${pods.map((pod) => html`<option>${pod}</option>`)}</select></label>
<fieldset><legend>Who</legend>${speakers.map((who) => html`<label><input type="checkbox" name="who" value="${who}" checked> ${who}</label>`)}</fieldset>
<output class="found"></output></form>
<div class="scroll lines" role="group" aria-label="Log lines" tabindex="0"><table><thead><tr><th scope="col">time</th><th scope="col">who</th><th scope="col">what</th><th scope="col">pod</th><th scope="col">node</th></tr></thead>
<tbody>${log.map(lineOf)}</tbody></table></div></section>`;
}

function lineOf({ afterMs, who, what, level, pod, node, detail, repeatedMs = [] }: LogRecord): Html {
  const last = repeatedMs.at(-1);
  const isBad = level === 'warn' || level === 'error';
  return html`<tr data-at="${[afterMs, ...repeatedMs].join(' ')}" data-who="${who}"${pod !== undefined && html` data-pod="${pod}"`}><td class="time">${clock(afterMs)}</td><td class="who">${who}</td><td class="what">${isBad && html`<strong class="level">${level}</strong> `}${what}${last !== undefined && html` <span class="again">and ${count(repeatedMs.length, 'time')} more until ${clock(last)}</span>`}${detail !== undefined && html`<span class="detail">${detail}</span>`}</td><td>${pod}</td><td>${node}</td></tr>\n`;
}
