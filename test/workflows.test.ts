import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { parseDocument } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf-8');

interface Step {
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly 'runs-on': string;
  readonly 'timeout-minutes': number;
  readonly permissions: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
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

/** A longer job is ended by GitHub. */
const GITHUB_MOST_MINUTES = 360;

/** Actions of others than GitHub. Each is one more party to trust. */
const OTHERS = ['ossf/scorecard-action', 'sigstore/cosign-installer'];

const files = globSync('.github/workflows/*.yml', { cwd: ROOT }).sort();

describe('the workflows', () => {
  test('are there', () => {
    const names = ['ci', 'nightly', 'rebuild', 'release', 'scorecard', 'soak'];
    assert.deepEqual(
      files,
      names.map((name) => `.github/workflows/${name}.yml`),
    );
  });

  for (const file of files) {
    const workflow = parse(file);
    const jobs: Job[] = Object.values(workflow.jobs);
    const steps = jobs.flatMap((job) => job.steps);

    test(`${file}: every job has a limit, and the permissions it names`, () => {
      assert.deepEqual(workflow.permissions, {});
      for (const job of jobs) {
        assert.ok(job['timeout-minutes'] <= (file.endsWith('/soak.yml') ? GITHUB_MOST_MINUTES : 90));
        assert.match(job['runs-on'], /^ubuntu-\d\d\.04$/);
        assert.equal(typeof job.permissions, 'object');
        assert.notDeepEqual(job.permissions, {});
      }
    });

    test(`${file}: every action is pinned by its commit, with the version beside it`, () => {
      const lines = read(file).match(/^.*\buses:.*$/gm) ?? [];
      assert.equal(lines.length, steps.filter(({ uses }) => uses !== undefined).length);
      for (const line of lines) {
        const [, action = ''] = /uses: ([a-z-]+\/[a-z-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.exec(line) ?? [];
        assert.ok(action.startsWith('actions/') || OTHERS.includes(action), line);
      }
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

  test('a job with tests in a browser names one that starts on a runner: its chromium finds no sandbox', () => {
    const runsAll = ({ run = '' }: Step) => /^(\.ci\/run|npm test(?!.* --cluster).*)$/m.test(run);
    const inBrowser = files.flatMap((file) =>
      Object.values<Job>(parse(file).jobs).filter(({ steps }) => steps.some(runsAll)),
    );
    assert.deepEqual(
      inBrowser.map(({ env }) => env?.CHROMIUM),
      ['/usr/bin/google-chrome'],
    );
  });

  test('a signature needs an identity, and only what signs has one', () => {
    for (const file of files) {
      for (const { permissions, steps } of Object.values<Job>(parse(file).jobs)) {
        const signs = steps.some(
          ({ run = '', uses = '' }) => /^ *cosign /m.test(run) || /attest-|scorecard-/.test(uses),
        );
        assert.equal(permissions['id-token'] === 'write', signs, file);
      }
    }
  });

  test('the page of a soak and its data are kept, whatever became of the soak', () => {
    const { steps } = parse('.github/workflows/soak.yml').jobs.soak as Job;
    const [, out] = steps.flatMap(({ run }) => /npm run soak .*--out (\S+)/.exec(run ?? '') ?? []);
    const upload = steps.at(-1);
    assert.match(upload?.uses ?? '', /^actions\/upload-artifact@/);
    assert.equal(upload?.if, 'always()');
    assert.equal(upload?.with?.path, `${out}*`);
  });

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

describe('the forms for issues', () => {
  interface Field {
    readonly type: string;
    readonly id?: string;
    readonly attributes: Readonly<Record<string, unknown>>;
  }
  const forms = globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: ROOT }).filter((file) => !file.endsWith('config.yml'));
  const fieldsOf = (file: string): Field[] => parse(file).body;

  test('have what GitHub wants of a form', () => {
    assert.deepEqual(forms.map((file) => basename(file)).sort(), ['drain.yml', 'other.yml']);
    for (const file of forms) {
      const { name, description } = parse(file);
      assert.equal(typeof name, 'string');
      assert.equal(typeof description, 'string');
      const ids = fieldsOf(file).flatMap(({ id }) => id ?? []);
      assert.equal(new Set(ids).size, ids.length);
      for (const { type, id, attributes } of fieldsOf(file)) {
        assert.ok(['markdown', 'input', 'textarea', 'dropdown'].includes(type), type);
        if (type === 'markdown') continue;
        assert.match(id ?? '', /^[a-z]+$/);
        assert.equal(typeof attributes.label, 'string');
      }
    }
  });

  test('about a drain asks for the status, the version and the drainer, by commands that exist', () => {
    const fields = fieldsOf('.github/ISSUE_TEMPLATE/drain.yml');
    const about = (id: string) => String(fields.find((field) => field.id === id)?.attributes.description);
    const [command] = /-- \S+ (bin\/reschedule-hook\.js status -o json)/.exec(about('status'))?.slice(1) ?? [];
    const [file = '', ...args] = (command ?? '').split(' ');
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, file), ...args, '--help'], {
      encoding: 'utf-8',
    });
    assert.equal(status, 0);
    assert.match(stdout, /-o, --output FORMAT +table or json/);
    assert.match(about('version'), /reschedule-hook --version/);
    const drainers = fields.find(({ id }) => id === 'drainer')?.attributes.options as string[];
    for (const name of ['kubectl', 'AKS', 'EKS', 'GKE', 'Cluster API', 'Karpenter', 'kured']) {
      assert.ok(drainers.includes(name), name);
    }
  });
});
