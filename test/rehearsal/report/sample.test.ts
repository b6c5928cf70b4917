import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf-8');

for (const [tag, file] of [
  ['style', 'page.css'],
  ['script', 'page.js'],
] as const) {
  test(`the ${tag} of the sample report is that of reports today: docs/rehearsal.md says how it is drawn again`, () => {
    const [, inside] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(read('docs/rehearsal-report.html')) ?? [];
    assert.equal(inside, read(`rehearsal/report/${file}`));
  });
}
