import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Refused } from '../../scripts/refused.ts';
import { problemsOf, released, sectionOf } from '../../scripts/release/changelog.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = (...sections: string[]) => `# Changelog\n\nWhat it is.\n\n${sections.join('\n\n')}\n`;
const ADDED = '### Added\n\n- A setting. Nothing to do.';
const FIXED = '### Fixed\n\n- A fault. Nothing to do.';

describe('the changelog of a release', () => {
  test('a tag can be released if it is the version of the package and the changelog has a section of it', () => {
    assert.deepEqual(problemsOf('v1.2.0', '1.2.0', page('## Unreleased', `## 1.2.0\n\n${ADDED}`, '## 1.1.0')), []);
    assert.deepEqual(problemsOf('v1.2.1', '1.2.1', page('## Unreleased', `## 1.2.1\n\n${FIXED}`)), []);
  });

  for (const [what, tag, changelog, problem] of [
    ['a tag without a v', '1.2.0', page('## Unreleased', `## 1.2.0\n\n${ADDED}`), /^"1.2.0" is no tag of a version/],
    ['a tag of a pre-release', 'v1.2.0-rc.1', page('## Unreleased'), /is no tag of a version/],
    ['a tag with a zero in front', 'v1.02.0', page('## Unreleased'), /is no tag of a version/],
    [
      'another version than the package',
      'v1.3.0',
      page('## Unreleased', `## 1.3.0\n\n${ADDED}`),
      /1\.2\.0, not 1\.3\.0/,
    ],
    ['no section', 'v1.2.0', page('## Unreleased', `## 1.2.01\n\n${ADDED}`), /^CHANGELOG.md has no section 1\.2\.0$/],
    ['an empty section', 'v1.2.0', page('## Unreleased', '## 1.2.0\n\n### Added'), /lists nothing/],
    [
      'changes that are not in the section',
      'v1.2.0',
      page(`## Unreleased\n\n${ADDED}`, `## 1.2.0\n\n${ADDED}`),
      /empty/,
    ],
    ['no section for what comes next', 'v1.2.0', page(`## 1.2.0\n\n${ADDED}`), /needs an empty section Unreleased/],
  ] as const) {
    test(`is refused with ${what}`, () => {
      const problems = problemsOf(tag, '1.2.0', changelog);
      assert.equal(problems.length, 1, problems.join('; '));
      assert.match(problems[0] ?? '', problem);
    });
  }

  test('a patch that adds or changes something is refused', () => {
    const changelog = page('## Unreleased', `## 1.2.1\n\n${FIXED}\n\n${ADDED}`);
    assert.deepEqual(problemsOf('v1.2.1', '1.2.1', changelog), [
      '1.2.1 is a patch, and its section has Added: those need a new minor version',
    ]);
  });

  test('what was unreleased becomes the section of a version', () => {
    const before = page(`## Unreleased\n\n${ADDED}`, `## 1.1.0\n\n${FIXED}`);
    const after = released(before, '1.2.0');
    assert.equal(sectionOf(after, 'Unreleased'), '');
    assert.equal(sectionOf(after, '1.2.0'), ADDED);
    assert.equal(sectionOf(after, '1.1.0'), FIXED);
    assert.deepEqual(problemsOf('v1.2.0', '1.2.0', after), []);
    assert.throws(() => released(after, '1.3.0'), new Refused('CHANGELOG.md lists nothing as Unreleased'));
    assert.throws(() => released(before, '1.1.0'), /has a section 1\.1\.0 already/);
    assert.throws(() => released(before, 'v1.2.0'), /"v1\.2\.0" is no version/);
    assert.throws(() => released(before, '1.1.1'), /is a patch/);
  });

  test('of this repository can be prepared', () => {
    const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf-8');
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
    const isListed = sectionOf(changelog, 'Unreleased') !== '';
    if (isListed) assert.equal(problemsOf('v99.0.0', '99.0.0', released(changelog, '99.0.0')).length, 0);
    assert.notEqual(sectionOf(changelog, version), undefined);
  });
});
