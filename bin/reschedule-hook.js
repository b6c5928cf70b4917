#!/usr/bin/env node
import './check-node.cjs';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// A checkout runs its sources; an image and the npm package have only what was built.
const source = new URL('main.ts', import.meta.url);
const { main } = await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
process.exitCode = await main(process.argv.slice(2), process.env, {
  name: 'reschedule-hook',
  file: fileURLToPath(import.meta.url),
  byDefault: 'serve',
});
