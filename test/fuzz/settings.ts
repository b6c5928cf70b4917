import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Config, ConfigError, readConfig } from '../../src/config/config.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { formatSelector } from '../../src/policy/selector.ts';
import { isKey, readSelector } from './selector-oracle.ts';
import { selectorTexts } from './selectors.ts';
import { type Target, target } from './target.ts';

const NAMES = [...SETTINGS.map(({ name }) => name), 'TRACK_RESCHEULED_PODS'];
const FALLBACKS = SETTINGS.map(({ fallback }) => fallback);
const SOME = [
  ...['', ' ', 'true', 'FALSE', '0', '1', 'yes', 'on', '__proto__', 'constructor', 'toString', 'namespace', 'ready'],
  ...['10s', '9s', '15m', '600h', '2000000h', '1h30m', '-1s', '8443', '65536', '0x10', '1e3', '-1', '80 ', '\u0668'],
  ...['a..b/c', 'a.b/c', 'a/b/c', `${'a'.repeat(254)}/b`, 'x'.repeat(64), 'a,b,,c', ',', '/', '::1', 'debug', 'json'],
];
const values = fc.oneof(
  fc.constantFrom(...SOME, ...FALLBACKS),
  selectorTexts,
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const environments = fc.dictionary(fc.constantFrom(...NAMES, 'PATH', '__proto__'), values, {
  maxKeys: 6,
  noNullPrototype: true,
});

/** A Config that can be worked with, or a ConfigError each line of which begins with a setting that was set. */
export function settings(read: typeof readConfig = readConfig): Target {
  return target({ name: 'settings', about: 'environments' }, environments, () => (env) => {
    let config: Config;
    try {
      config = read(env);
    } catch (error) {
      return checkProblems(error);
    }
    assert.ok(Object.isFrozen(config));
    checkConfig(config);
  });
}

function checkProblems(error: unknown): void {
  assert.ok(error instanceof ConfigError, String(error));
  assert.notEqual(error.problems.length, 0);
  for (const problem of error.problems) assert.ok(NAMES.includes(problem.split(' ')[0] ?? ''), problem);
}

/** Node's timers take no more; a longer one would end at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

function checkProfile({ mark, selectors, stallAfterMs }: Config['profiles'][number], { labelSelectors }: Config): void {
  if (mark !== undefined) assert.ok(isKey(mark.key), mark.key);
  assert.ok(Number.isSafeInteger(stallAfterMs) && stallAfterMs >= 1_000);
  for (const selector of selectors) assert.ok(labelSelectors.includes(formatSelector(selector)));
}

function checkConfig(config: Config): void {
  for (const profile of config.profiles) checkProfile(profile, config);
  for (const text of config.labelSelectors) assert.ok(readSelector(text) !== undefined, text);
  for (const ms of [config.retentionMs, config.shutdownDelayMs]) assert.ok(Number.isSafeInteger(ms) && ms >= 0);
  assert.ok(config.shutdownDelayMs <= TIMER_MAX_MS, `SHUTDOWN_DELAY of ${config.shutdownDelayMs} ms`);
  for (const port of [config.webhookPort, config.healthPort])
    assert.ok(Number.isInteger(port) && port >= 0 && port < 65_536);
  const listed = [...config.drainTaints, ...config.drainConditions, ...config.exemptUsers];
  for (const item of listed) assert.ok(item !== '' && item === item.trim());
}
