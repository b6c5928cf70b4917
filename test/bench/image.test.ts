import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGE, readImageStart } from '../../bench/support/image.ts';

test('the benchmark starts the hook as the image does', () => {
  assert.deepEqual(IMAGE.env, {
    NODE_ENV: 'production',
    MALLOC_ARENA_MAX: '1',
    MALLOC_TRIM_THRESHOLD_: '131072',
    RESCHEDULE_HOOK_IMAGE: 'true',
  });
  assert.deepEqual(
    IMAGE.nodeArgs.map((option) => option.split('=')[0]),
    ['--min-semi-space-size', '--max-semi-space-size', '--heap-growing-percent'],
  );
});

test('of several stages the last one counts', () => {
  const dockerfile =
    '\nFROM a\nENV X=1\nENTRYPOINT ["a", "b"]\nFROM b\nENV Y=2 Z=3\nENTRYPOINT ["node", "--lite", "c.js"]\n';
  assert.deepEqual(readImageStart(dockerfile), { env: { Y: '2', Z: '3' }, nodeArgs: ['--lite'] });
  assert.throws(() => readImageStart('\nFROM a\nENTRYPOINT node a\n'), /no ENTRYPOINT/);
});
