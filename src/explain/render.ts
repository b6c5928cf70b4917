import { safe, WIDTH, wrapped } from '../terminal/columns.ts';
import type { Explanation } from './explain.ts';

const LABEL = 14;

const STATES: Readonly<Record<Explanation['state'], string>> = {
  free: 'no drain waits for it',
  waiting: 'a drain waits for it',
  stuck: 'a drain waits for it, and only a human can go on',
};

/** The explanation for people, within 100 columns. */
export function renderExplanation(found: Explanation): string {
  const { pod, state, profile, settingsFrom, rule, reason, message, seen, next, otherwise } = found;
  return [
    ...paragraph(reason === 'PodGone' ? `There is no pod ${pod}.` : `Pod ${pod}: ${STATES[state]}.`),
    ...paragraph(`Profile ${profile ?? 'none'}; settings and profiles read from ${settingsFrom}.`),
    '',
    ...line('rule', `${rule} (${reason}): ${message}`),
    ...seen.flatMap(({ what, text }) => line(what, text)),
    '',
    ...line('next', next),
    ...(otherwise === '' ? [] : line('if not', otherwise)),
    '',
  ].join('\n');
}

function line(label: string, text: string): string[] {
  return wrapped(safe(text), WIDTH - LABEL).map((part, i) => `${(i === 0 ? label : '').padEnd(LABEL)}${part}`);
}

const paragraph = (text: string) => wrapped(safe(text), WIDTH);
