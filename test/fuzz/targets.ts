import { bodies } from './bodies.ts';
import { entries } from './entries.ts';
import { overTls } from './over-tls.ts';
import { selectors } from './selectors.ts';
import { settings } from './settings.ts';
import type { Target } from './target.ts';
import { durations, lines, versions } from './texts.ts';
import { watch } from './watch.ts';

export const TARGETS: readonly Target[] = [
  bodies(),
  overTls,
  selectors(),
  entries(),
  settings(),
  durations(),
  versions(),
  lines(),
  watch(),
];
