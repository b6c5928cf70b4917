#!/usr/bin/env node
// Plain JavaScript that any Node can read, so that one that is too old is told so instead of failing at an import.
import { existsSync } from 'node:fs';

const NEEDED = [24, 12];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  console.error(
    `reschedule-hook needs Node ${NEEDED.join('.')} or later; this is ${process.version}. ` +
      'In a checkout, "npm ci" brings one and "npm start" uses it.',
  );
  process.exitCode = 1;
} else {
  // A checkout runs its sources; an image has only what was built.
  const source = new URL('../src/main.ts', import.meta.url);
  const { main } = await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
  process.exitCode = await main(process.argv.slice(2), process.env);
}
