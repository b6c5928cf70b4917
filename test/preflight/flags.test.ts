import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREFLIGHT_HELP, parsePreflight } from '../../src/preflight/flags.ts';

test('preflight takes nodes, each once, and says what it lacks', () => {
  assert.deepEqual(parsePreflight(['a', 'b', 'a', '-o', 'json']), {
    help: false,
    nodes: ['a', 'b'],
    output: 'json',
  });
  assert.throws(() => parsePreflight([]), /name the nodes/);
  assert.throws(() => parsePreflight(['a', '-o', 'yaml']), /takes table or json, not "yaml"/);
  assert.match(PREFLIGHT_HELP, /^Usage: reschedule-hook preflight \[options\] NODE\.\.\.$/m);
});
