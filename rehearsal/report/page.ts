import { createHash } from 'node:crypto';
import type { RehearsalRecord } from '../evidence/record.ts';
import { SCRIPT, STYLE } from './files.at-build.ts';
import { Html, html } from './html.ts';
import { foldedOf, sectionOf, tickOrCross, wordFor } from './section.ts';
import { count, span } from './words.ts';

/**
 * One HTML page about some rehearsals. It needs nothing else, asks for nothing, and can be read without its script.
 * `command`: what was typed to get it; absent: nobody knows.
 */
export function reportOf(records: readonly RehearsalRecord[], command?: string): string {
  const safe = records.filter(({ holds }) => holds).length;
  const [only] = records;
  const title =
    records.length === 1 && only !== undefined
      ? `${wordFor(only)}: ${only.scenario.title}`
      : `${safe} of ${count(records.length, 'drain rehearsal')} safe`;
  const policy = `default-src 'none'; style-src '${hashOf(STYLE)}'; script-src '${hashOf(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Html(STYLE)}</style></head>
<body><header class="top"><h1><span>reschedule hook</span> Drain rehearsal</h1></header>
<main>${records.length > 1 && indexOf(records, safe)}
${records.map((record, i) => (records.length > 1 ? foldedOf : sectionOf)(record, `r${i + 1}`))}</main>
${command !== undefined && html`<footer class="bottom">Made by <code>${command}</code></footer>\n`}<script>${new Html(SCRIPT)}</script></body></html>
`.text;
}

function indexOf(records: readonly RehearsalRecord[], safe: number): Html {
  return html`<nav class="index" aria-label="Rehearsals"><h2>${safe} of ${count(records.length, 'rehearsal')} safe</h2>
<ol>${records.map((record, i) => html`<li><a href="#r${i + 1}">${tickOrCross(record.holds)}<span><strong class="title">${record.scenario.title}</strong> <small>${wordFor(record)} · ${span(record.durationMs)}</small></span></a></li>`)}</ol></nav>`;
}

const hashOf = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
