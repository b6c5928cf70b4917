import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseDocument } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf-8');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly 'runs-on': string;
  readonly 'timeout-minutes': number;
  readonly permissions: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

function parse(file: string) {
  const document = parseDocument(read(file));
  assert.deepEqual([...document.errors, ...document.warnings], [], file);
  return document.toJS();
}

const namedIn = (run: string, what: RegExp) => [...run.matchAll(what)].map(([, name = '']) => name);

/** The npm scripts, make targets and files that a step names and that are not there. */
function missingFor(run: string): string[] {
  const { scripts } = JSON.parse(read('package.json'));
  const makefile = read('Makefile');
  return [
    ...namedIn(run, /npm run (\S+)/g).filter((name) => !(name in scripts)),
    ...namedIn(run, /\bmake (\S+)/g).filter((name) => !new RegExp(`^${name}:`, 'm').test(makefile)),
    ...namedIn(run, /\b((?:config|scripts|\.ci)\/[\w./-]+)/g).filter((path) => !existsSync(join(ROOT, path))),
  ];
}

const files = globSync('.github/workflows/*.yml', { cwd: ROOT }).sort();

describe('the workflows', () => {
  test('are there', () => {
    assert.deepEqual(files, ['.github/workflows/ci.yml', '.github/workflows/release.yml']);
  });

  for (const file of files) {
    const workflow = parse(file);
    const jobs: Job[] = Object.values(workflow.jobs);
    const steps = jobs.flatMap((job) => job.steps);

    test(`${file}: every job has a limit, and the permissions it names`, () => {
      assert.deepEqual(workflow.permissions, {});
      for (const job of jobs) {
        assert.ok(job['timeout-minutes'] <= 90);
        assert.match(job['runs-on'], /^ubuntu-\d\d\.04$/);
        assert.equal(typeof job.permissions, 'object');
        assert.notDeepEqual(job.permissions, {});
      }
    });

    test(`${file}: every action is pinned by its commit, with the version beside it`, () => {
      const lines = read(file).match(/^.*\buses:.*$/gm) ?? [];
      assert.equal(lines.length, steps.filter(({ uses }) => uses !== undefined).length);
      for (const line of lines) assert.match(line, /uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      for (const step of steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))) {
        assert.equal(step.with?.['persist-credentials'], false);
      }
    });

    test(`${file}: what it runs is there, and no expression is pasted into a script`, () => {
      for (const { run = '' } of steps) {
        assert.doesNotMatch(run, /\$\{\{/);
        assert.deepEqual(missingFor(run), []);
      }
    });
  }

  test('the same commit is meant by the same version everywhere', () => {
    const pins = files.flatMap((file) => [...read(file).matchAll(/uses: (\S+)@(\S+) # (\S+)/g)]);
    const commits = new Map(pins.map(([, action, commit, version]) => [`${action} ${version}`, commit]));
    assert.equal(new Set(pins.map(([, action, commit]) => `${action} ${commit}`)).size, commits.size);
  });

  test('updates are looked for of all that is pinned', () => {
    const { updates } = parse('.github/dependabot.yml');
    const names = updates.map((one: { 'package-ecosystem': string }) => one['package-ecosystem']);
    assert.deepEqual(names.sort(), ['docker', 'github-actions', 'npm']);
  });
});
