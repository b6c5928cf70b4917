import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const text = readFileSync(join(ROOT, 'Makefile'), 'utf-8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));

/** Each target with its recipe. */
const targets = new Map(
  [...text.matchAll(/^([a-z-]+):(?: ##.*)?\n((?:\t.*\n)+)/gm)].map(([, name = '', recipe = '']) => [name, recipe]),
);
const isDocumented = (name: string) => new RegExp(`^${name}: ## `, 'm').test(text);

describe('the Makefile', () => {
  test('declares each target', () => {
    const declared = /^\.PHONY: (.*)$/m.exec(text)?.[1]?.split(' ');
    assert.deepEqual([...targets.keys()].sort(), declared?.sort());
  });

  test('lists only what needs Docker, kind or kubectl', () => {
    for (const [name, recipe] of targets) {
      if (isDocumented(name) && name !== 'help') assert.match(recipe, /\$\(need_(docker|kind|kubectl)\)/, name);
    }
  });

  test('says which image it pushed where the scripts of a release look', () => {
    const written = /--metadata-file (\S+)/.exec(targets.get('public-image') ?? '')?.[1] ?? '';
    assert.equal(written, 'dist/image.json');
    for (const reader of ['scripts/release/rebuild.sh', '.github/workflows/release.yml']) {
      assert.ok(readFileSync(join(ROOT, reader), 'utf-8').includes(written), reader);
    }
  });

  test('names the npm script in place of each name of before', () => {
    const moved = [...targets].filter(([name]) => !isDocumented(name));
    assert.deepEqual(moved.map(([name]) => name).sort(), ['check', 'manifests', 'rehearse', 'test']);
    for (const [name, recipe] of moved) {
      const script = /^\t\$\(call moved,npm (?:run )?(\S+)\)\n/.exec(recipe)?.[1] ?? '';
      assert.equal(script, name);
      assert.ok(script in scripts, script);
    }
  });
});
