import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { SETTINGS } from '../src/config/settings.ts';
import { LOG } from '../src/log/messages.ts';
import { MESSAGES } from '../src/policy/decision.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf-8');

describe('the README says what the code does', () => {
  test('its settings are those of the program, in the same order, with the same defaults', () => {
    const rows = README.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line));
    const expected = SETTINGS.map(({ name, fallback, help }) => {
      const shown =
        fallback === ''
          ? '–'
          : fallback
              .split(',')
              .map((value) => `\`${value}\``)
              .join(', ');
      return `| \`${name}\` | ${shown} | ${help} |`;
    });
    assert.deepEqual(rows, expected);
  });

  test('every message of the decision table is in it', () => {
    for (const message of Object.values(MESSAGES)) {
      const shown = message === MESSAGES.waitingForReady ? '... to be ready' : message;
      assert.ok(README.includes(shown), message);
    }
  });

  test('every rule has its row', () => {
    const rules = [...README.matchAll(/^\| (\d[a-d]?|S6) \|/gm)].map(([, rule]) => rule);
    assert.deepEqual(rules, ['1', '2', '3', '4', '5', '6', '7', '8a', '8b', '8c', '8d', '9', 'S6']);
  });
});

test('docs/logs.md lists every message of the log, in the same order', () => {
  const text = readFileSync(new URL('../docs/logs.md', import.meta.url), 'utf-8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (debug|info|warn|error) \|/gm)].map(([, message]) => message);
  assert.deepEqual(rows, Object.values(LOG));
});
