import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, test } from 'node:test';
import { bodies, type Tally } from './bodies.ts';
import { assertHeld, heldBytes } from './garbage.ts';
import type { Planted } from './world.ts';

/** The same cases in every run of the tests; `npm run fuzz` has others. */
const SEED = 20_260_101;
const RUNS = 1_500;
const ALLOW = { kind: 'allow', rule: '3', reason: 'NotSelected' } as const;

/** Looked at so often on the way; the first part is for code that is compiled. */
const LOOK_EVERY = 250;
const GROWTH_MAX_MIB = 16;

/** All of the cases; after each few of them hardly more may be held than after the first few. */
async function runInBounds(planted: Planted, tally: Tally = new Map(), runs = RUNS): Promise<void> {
  let cases = 0;
  let before: number | undefined;
  const look = () => {
    if (before === undefined) before = heldBytes();
    else assertHeld(before, GROWTH_MAX_MIB, `after ${cases} bodies`);
  };
  const onCase = () => {
    if (++cases % LOOK_EVERY === 0) look();
  };
  await bodies(planted, tally).run({ runs, seed: SEED, onCase });
  look();
}

describe('bodies against the webhook', () => {
  test('what must hold holds, and every kind of answer is met', async () => {
    const tally: Tally = new Map();
    await runInBounds({}, tally);
    const kinds = ['400', '404', '413', '415', 'allowed', 'dry run', 'marked'];
    for (const kind of [...kinds, 'denied 404', 'denied 409', 'denied 429', 'denied 500']) {
      assert.ok(tally.has(kind), `never met: ${kind}; ${JSON.stringify([...tally])}`);
    }
  });

  const planted: Readonly<Record<string, Planted>> = {
    'an allow for a live pod': { admit: () => async () => ALLOW },
    'an allow for a pod that is not there': {
      admit: (honest) => (request) => (request.name === 'gone' ? Promise.resolve(ALLOW) : honest(request)),
    },
    'a write in a dry run': { admit: (honest) => (request) => honest({ ...request, dryRun: false }) },
    'a write on another pod': { admit: (honest) => (request) => honest({ ...request, name: 'cb-0000' }) },
    'a write for another instance': {
      admit:
        (honest) =>
        ({ uid: _uid, ...request }) =>
          honest(request),
    },
    'an admission that throws': { admit: () => () => Promise.reject(new Error('planted')) },
    'an answer for another review': {
      listener: (honest) => (request, response) => {
        const { end } = response;
        response.end = ((text: string) =>
          end.call(response, text.replace('"uid":"', '"uid":"x'), 'utf-8')) as typeof end;
        honest(request, response);
      },
    },
    'a log line with a line break': { line: (honest) => honest.replaceAll('\\n', '\n') },
    'a log line without bounds': { line: (honest) => honest.padEnd(10_000) },
    'a log line less': { line: (honest) => (honest.includes('413') ? '\n' : honest) },
    'a prototype that is written to': {
      admit: (honest) => (request) => {
        (Object.prototype as Record<string, unknown>).polluted = true;
        return honest(request);
      },
    },
  };
  for (const [what, fault] of Object.entries(planted)) {
    test(`finds ${what}`, async () => {
      try {
        await assert.rejects(bodies(fault).run({ runs: RUNS, seed: SEED }), /Counterexample/);
      } finally {
        delete (Object.prototype as Record<string, unknown>).polluted;
      }
    });
  }

  test('finds memory that stays', async () => {
    const kept: Buffer[] = [];
    const listener =
      (honest: RequestListener): RequestListener =>
      (request, response) => {
        kept.push(Buffer.alloc(128 * 1024, 1));
        honest(request, response);
      };
    await assert.rejects(runInBounds({ listener }, new Map(), 3 * LOOK_EVERY), /MiB are held, 16 at the most/);
    kept.length = 0;
  });
});
