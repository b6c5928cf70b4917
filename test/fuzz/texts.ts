import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isOlder } from '../../src/informer/resource-version.ts';
import { lineFormat } from '../../src/log/logger.ts';
import { formatAge, parseDuration } from '../../src/policy/duration.ts';
import { answerWithinMs } from '../../src/server/deadlines.ts';
import { checkLines } from './bodies.ts';
import { type Target, target } from './target.ts';
import { asWritten } from './world.ts';

const UNITS: Readonly<Record<string, bigint>> = { ms: 1n, s: 1_000n, m: 60_000n, h: 3_600_000n };
const digits = fc.oneof(
  fc.nat(10_000).map(String),
  fc.stringMatching(/^\d{1,20}$/),
  fc.constantFrom('007', '9'.repeat(400)),
);
const right = fc.array(fc.tuple(digits, fc.constantFrom(...Object.keys(UNITS))), { minLength: 1, maxLength: 4 });
const wrong = fc.oneof(
  fc.string(),
  fc.constantFrom('1.5h', '-1s', '1 s', '1d', '\u0661s', 's', '1S', '1s ', '1e3s', '1m\n'),
);

/** Every duration is its sum, or too long to count; nothing else is a duration; an age is never longer than its two units. */
export const durations = (parse = parseDuration): Target =>
  target(
    { name: 'durations', about: "durations of settings, ages in messages, and the API server's timeout" },
    fc.tuple(right, wrong, fc.double(), fc.webQueryParameters()),
    () =>
      ([parts, text, age, query]) => {
        const sum = parts.reduce((total, [count, unit]) => total + BigInt(count) * (UNITS[unit] as bigint), 0n);
        const written = parts.map((part) => part.join('')).join('');
        if (sum <= BigInt(Number.MAX_SAFE_INTEGER)) assert.equal(BigInt(parse(written)), sum);
        else assert.throws(() => parse(written), /too long/);
        if (!/^(?:[0-9]+(?:ms|[smh]))+$/.test(text)) assert.throws(() => parse(text), /is not a duration/);
        assert.match(formatAge(age), /^(\d[\d.e+]*[dhms]){1,2}$|^Infinityd|NaN/);
        for (const url of [`/eviction?timeout=${written}`, `/eviction?${query}`, `/eviction?timeout=${text}`]) {
          const within = answerWithinMs(url);
          assert.ok(Number.isInteger(within) && within >= 0 && within <= 29_000, `${within} for ${url}`);
        }
      },
  );

const version = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 70n }), fc.bigInt({ min: 0n, max: 200n }));

/** Compared as the numbers that they are, beyond what a double holds; what is no number is never older. */
export const versions = (compare = isOlder): Target =>
  target(
    { name: 'versions', about: 'the comparison of resourceVersions' },
    fc.tuple(version, version, fc.string()),
    () =>
      ([a, b, text]) => {
        assert.equal(compare(`${a}`, `${b}`), a < b);
        if (!/^[0-9]+$/.test(text)) assert.ok(!compare(text, `${b}`) && !compare(`${b}`, text));
      },
  );

const field = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.jsonValue(),
  fc.constantFrom('a\nb', '\u2028', '\x1b[2J', '\u202e', '\u{e0001}', 'x'.repeat(5_000)),
);
const fieldNames = fc.constantFrom('pod', 'error', 'path', 'user', 'why', '__proto__');

/** One line each, in text and in JSON, which says the same. */
export const lines = (format = lineFormat): Target =>
  target(
    { name: 'lines', about: 'log lines, whatever their fields' },
    fc.dictionary(fieldNames, field, { noNullPrototype: true }),
    () => (fields) => {
      const line = { level: 'warn', message: 'Request refused', fields };
      const [text = '', json = ''] = (['text', 'json'] as const).map((style) => asWritten(format(style), line));
      checkLines(Object.values(fields).every((value) => typeof value === 'string') ? [text, json] : []);
      assert.match(text, /^\S+ WARN Request refused( |$)/);
      const { error } = JSON.parse(json) as { error?: unknown };
      if (typeof fields.error === 'string' && fields.error.length <= 1_000)
        assert.equal(error, fields.error.toWellFormed());
    },
  );
