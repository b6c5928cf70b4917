import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePreflight, preflightHelp } from '../../src/preflight/flags.ts';

test('preflight takes nodes, each once, and says what it lacks', () => {
  assert.deepEqual(parsePreflight(['a', 'b', 'a', '-o', 'json'], 'hook preflight'), {
    help: false,
    nodes: ['a', 'b'],
    output: 'json',
  });
  assert.throws(() => parsePreflight([], 'hook preflight'), /name the nodes/);
  assert.throws(() => parsePreflight(['a', '-o', 'yaml'], 'hook preflight'), /takes table or json, not "yaml"/);
  assert.match(preflightHelp('hook preflight'), /^Usage: hook preflight \[options\] NODE\.\.\.$/m);
});
