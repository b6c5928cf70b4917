import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { format } from 'winston';
import { ConfigError, readConfig } from '../../src/config/config.ts';
import { watchEvents } from '../../src/informer/watch-events.ts';
import { parseDuration } from '../../src/policy/duration.ts';
import { encodeEntry, entryKey, entryPod } from '../../src/policy/entry.ts';
import { parseSelector } from '../../src/policy/selector.ts';
import { entries } from './entries.ts';
import { selectors } from './selectors.ts';
import { settings } from './settings.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';
import { durations, lines, versions } from './texts.ts';
import { watch } from './watch.ts';

const SEED = 20_260_101;
const RUNS = 500;

describe('fuzzed texts', () => {
  // The bodies have a file of their own.
  for (const target of TARGETS.filter(({ name }) => name !== 'bodies')) {
    test(`${target.name}: what must hold holds`, () => target.run({ runs: RUNS * target.share, seed: SEED }));
  }

  const planted: Readonly<Record<string, Target>> = {
    'a selector that takes == for !=': selectors((text) => parseSelector(text.replace('==', '!='))),
    'a selector that takes two dots': selectors((text) => parseSelector(text.replace('..', '.'))),
    'a selector that loses its last part': selectors((text) => parseSelector(text).slice(0, 2)),
    'an entry without its node': entries(({ node: _node, ...instance }) => encodeEntry(instance)),
    'an entry that never tells its pod': entries((instance) => encodeEntry({ ...instance, namespace: '' })),
    'an entry of a pod that cannot be': entries(encodeEntry, (key, value) => {
      const about = { namespace: '..', name: '..' };
      return entryPod(key, value) ?? (key === entryKey('', '') ? about : undefined);
    }),
    'a problem that names no setting': settings((env) => {
      if (env.LOG_LEVEL?.trim() === '') throw new ConfigError(['it is wrong']);
      return readConfig(env);
    }),
    'a setting that is not checked': settings(({ RESCHEDULE_ANNOTATION_KEY: key, ...env }) => {
      const config = readConfig(env);
      if (!key) return config;
      const mark = { key, value: 'true', match: 'exact' } as const;
      return { ...config, profiles: config.profiles.map((one) => ({ ...one, mark })) };
    }),
    'a setting that crashes': settings((env) => {
      if (Object.values(env).includes('__proto__')) throw new TypeError('planted');
      return readConfig(env);
    }),
    'a delay beyond what a timer takes': settings((env) => ({ ...readConfig(env), shutdownDelayMs: 2 ** 31 })),
    'a duration that forgets its first part': durations((text) => parseDuration(text.replace(/^\d+h(?=\d)/, ''))),
    'a duration with white space': durations((text) => parseDuration(text.trim())),
    'versions compared as texts': versions((a, b) => a < b),
    'versions compared as doubles': versions((a, b) => Number(a) < Number(b)),
    'lines as they come': lines(() =>
      format.combine(format.printf(({ message, ...rest }) => `t WARN ${message} ${Object.values(rest)}`)),
    ),
    'a watch that decodes each piece by itself': watch((body) => watchEvents(decodedOneByOne(body))),
    'a watch that ends early': watch(async function* (body) {
      let count = 0;
      for await (const event of watchEvents(body)) if (count++ < 4) yield event;
    }),
    'a watch that fails in a way of its own': watch(async function* (body) {
      try {
        yield* watchEvents(body);
      } catch {
        throw new RangeError('planted');
      }
    }),
  };
  for (const [what, target] of Object.entries(planted)) {
    test(`finds ${what}`, () => assert.rejects(target.run({ runs: 3_000, seed: SEED }), /Counterexample/));
  }
});

async function* decodedOneByOne(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) yield Buffer.from(new TextDecoder().decode(chunk));
}
