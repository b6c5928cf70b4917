import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { readConfig } from '../src/config/config.ts';
import { BUILT_IN } from '../src/config/profiles/built-in.ts';
import { NO_MARK, type WrittenMark } from '../src/config/profiles/written-mark.ts';
import { SETTINGS } from '../src/config/settings.ts';
import { LOG } from '../src/log/messages.ts';
import { MESSAGES } from '../src/policy/decision.ts';
import { anchorsOf, commentSentencesOf, linksOf, type Sentence, sentencesOf } from './support/markdown.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGES = globSync(['*.md', 'charts/**/*.md', 'docs/**/*.md'], { cwd: ROOT }).sort();
/** Never more words in a sentence; 25 are enough for almost all. */
const WORDS_MAX = 30;
/** Pages whose sentences are counted. */
const PLAIN = [
  'charts/reschedule-hook/README.md',
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...globSync('docs/decisions/*.md', { cwd: ROOT }),
  'docs/configuration.md',
  'docs/decision-table.md',
  'docs/drainers.md',
  'docs/install.md',
  'docs/logs.md',
  'docs/metrics.md',
  'docs/operators.md',
  'docs/operations.md',
  'docs/performance.md',
  'docs/platforms.md',
  'docs/preflight.md',
  'docs/releasing.md',
  'docs/reliability.md',
  'docs/simulation.md',
  'docs/status.md',
];
/** Sources whose block comments are counted. */
const PLAIN_SOURCES = globSync('{bench,rehearsal,scripts,src,test,testkit}/**/*.ts', {
  cwd: ROOT,
}).sort();

const read = (page: string) => readFileSync(join(ROOT, page), 'utf-8');

test('docs/configuration.md has the settings of the program, in the same order, with the same defaults', () => {
  const rows = read('docs/configuration.md')
    .split('\n')
    .filter((line) => /^\| `[A-Z_]+` \|/.test(line));
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

function shownMark(mark: WrittenMark): string {
  if (mark === NO_MARK) return mark;
  if ('form' in mark) return `\`${mark.form}\` on the ${mark.on.kind}`;
  const where = 'on' in mark ? ` on the ${mark.on.kind}` : '';
  const any = !('on' in mark) && mark.match === 'present' ? ', any value' : '';
  return `\`${mark.annotation}=${mark.value}\`${where}${any}`;
}

test('docs/operators.md has the built-in profiles, in their order, and the source of each', () => {
  const page = read('docs/operators.md');
  const expected = BUILT_IN.map(({ name, selector, mark, names, stallAfter }) => {
    const shown = shownMark(mark);
    return `| \`${name}\` | \`${selector}\` | ${shown} | \`${names}\` | ${stallAfter} |`;
  });
  assert.deepEqual(
    page.split('\n').filter((line) => /^\| `[a-z0-9-]+` \| `/.test(line)),
    expected,
  );
  const sourced = [...page.matchAll(/^\| `([a-z0-9-]+)` \| [^`]/gm)].map(([, name]) => name);
  assert.deepEqual(
    sourced,
    BUILT_IN.map(({ name }) => name),
  );
});

test('docs/operators.md has the webhooks that conflict, and says of each how to remove it', () => {
  const rows = [...read('docs/operators.md').matchAll(/^\| `(\S+\.\S+)` \| `([a-z-]+)` \| \d+ \| \S/gm)];
  assert.deepEqual(
    rows.map(([, webhook, profile]) => [webhook, profile]),
    BUILT_IN.flatMap(({ name, conflicts = [] }) => conflicts.map((one) => [one, name])),
  );
});

test('the file in docs/operators.md is one that the hook reads', () => {
  const [, text = ''] = /```yaml\n(profiles:[^`]*)```/.exec(read('docs/operators.md')) ?? [];
  const { profiles } = readConfig({ PROFILES_FILE: 'profiles.yaml' }, () => text);
  assert.deepEqual(
    profiles.map(({ name, tracking }) => [name, tracking.type]),
    [
      ['ours', 'configmap'],
      ['strimzi-kafka', 'namespace'],
      ['reported', 'namespace'],
      ['primary', 'namespace'],
      ['by-hand', 'namespace'],
    ],
  );
});

describe('docs/decision-table.md says what the code does', () => {
  const page = read('docs/decision-table.md');

  test('every message of the decision table is in it', () => {
    for (const message of Object.values(MESSAGES)) {
      const shown = message === MESSAGES.waitingForReady ? '... to be ready' : message;
      assert.ok(page.includes(shown), message);
    }
  });

  test('every rule has its row', () => {
    const rules = [...page.matchAll(/^\| (\d[a-d]?|S6) \|/gm)].map(([, rule]) => rule);
    assert.deepEqual(rules, ['1', '2', '3', '4', '5', '6', '6a', '6b', '7', '7', '8a', '8b', '8c', '8d', '9', 'S6']);
  });
});

describe('docs/operations.md explains what kubectl prints', () => {
  const page = read('docs/operations.md');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const table = rows.map((row) => row.split(' | ')[0] ?? '').join('\n');
  const rules = globSync('src/policy/**/*.ts', { cwd: ROOT })
    .map((file) => read(file))
    .join('\n');
  /** What each cause of a wait has in its message, as the code and the table write it. */
  const CAUSES: Readonly<Record<string, readonly string[]>> = {
    Waiting: ['marked', 'its move was asked for', 'says ignore, but it is marked'],
    Stalled: ['stalled: its operator has not acted'],
    Held: [
      'has no mark, so nobody is asked to move it',
      'says hold, so nobody is asked to move it',
      'counts as hold, so nobody is asked',
    ],
    NotAsked: ['nobody can be asked to move it', 'is not asked:', 'has a request of somebody else in', 'entries in'],
    GroupBusy: ['others of its group come first'],
    GroupUntracked: ['only so many of its group may move at once, and nobody can count them'],
    BudgetExhausted: ['allows no disruption:', 'has not been computed yet', 'its disruption budget is to be respected'],
    NotDraining: ['nobody drains node', 'it has no node, and'],
    ComesBack: ['times to node', 'while that was draining'],
    SameNode: ['it came back on node', 'which it was to leave'],
    DrainJustEnded: ['was being drained until', 'ago, and that drain may go on'],
    OtherInstallation: ['both select the pod'],
    WaitingForSchedule: ['Pod waiting to be scheduled'],
    WaitingForReady: ['Pod waiting to be ready'],
    Ending: ['it is terminating', 'it is finished'],
    CacheUnsynced: ["the hook's cache has not synced"],
    CacheBehind: ["the hook's cache has not seen this pod yet"],
  };

  test('every reason to wait is in the table', () => {
    const reasons = [...rules.matchAll(/\bwait\((?:isStalled \? )?'(\w+)'/g)].map(([, reason = '']) => reason);
    assert.ok(reasons.length > 15);
    assert.deepEqual([...new Set([...reasons, 'Waiting'])].sort(), Object.keys(CAUSES).sort());
    for (const text of Object.values(CAUSES).flat()) assert.ok(table.includes(text), text);
  });

  test('and so is every message that a drainer gets', () => {
    for (const message of Object.values(MESSAGES)) {
      const shown = message === MESSAGES.rescheduled ? '... with the same name' : message;
      assert.ok(table.includes(shown), message);
    }
  });
});

test('docs/logs.md lists every message of the log, in the same order', () => {
  const rows = [...read('docs/logs.md').matchAll(/^\| `([^`]+)` \| (debug|info|warn|error) \|/gm)];
  assert.deepEqual(
    rows.map(([, message]) => message),
    Object.values(LOG),
  );
});

describe('every page', () => {
  for (const page of PAGES) {
    test(`${page} links to what is there`, () => {
      assert.deepEqual(
        linksOf(read(page)).filter((link) => !leadsSomewhere(page, link)),
        [],
      );
    });
  }

  for (const page of PLAIN) {
    test(`${page} has no sentence of more than ${WORDS_MAX} words`, () => {
      assert.deepEqual(longIn(page, sentencesOf(read(page))), []);
    });
  }
});

test(`no block comment has a sentence of more than ${WORDS_MAX} words`, () => {
  assert.ok(PLAIN_SOURCES.length > 0);
  assert.deepEqual(
    PLAIN_SOURCES.flatMap((source) => longIn(source, commentSentencesOf(read(source)))),
    [],
  );
});

function longIn(file: string, sentences: readonly Sentence[]): string[] {
  return sentences
    .filter(({ words }) => words.length > WORDS_MAX)
    .map(({ line, words }) => `${file}:${line} ${words.length} words: ${words.join(' ')}`);
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  return statSync(join(ROOT, target)).isFile() && anchorsOf(read(target)).includes(anchor);
}

describe('what is seen of a page', () => {
  test('sentences, without code, tables, headings and what is only written, not read', () => {
    const page = `# A heading of words

One \`with some code\` and [a link](there.md#x). Two of version 1.36.
Goes on? Yes.

- an item
  goes on

      code

| a | table |
\`\`\`
fenced
\`\`\`
    code
Last`;
    assert.deepEqual(
      sentencesOf(page).map(({ line, words }) => [line, words.join(' ')]),
      [
        [3, 'One Code and a link.'],
        [3, 'Two of version 1.36.'],
        [3, 'Goes on?'],
        [3, 'Yes.'],
        [6, 'an item goes on'],
        [16, 'Last'],
      ],
    );
  });

  test('sentences of block comments, with their lines', () => {
    const source = `const glob = 'a/**/b';
/** One line. */
function f() {
  /**
   * Two words
   * and three more. Next one.
   */
  /* Last. */
}`;
    assert.deepEqual(
      commentSentencesOf(source).map(({ line, words }) => [line, words.join(' ')]),
      [
        [2, 'One line.'],
        [4, 'Two words and three more.'],
        [4, 'Next one.'],
        [8, 'Last.'],
      ],
    );
  });

  test('links, without those to other sites and in code', () => {
    const page = 'see [a](b.md#c), [![x](y.png)](z.html), [out](https://example.com) and `[no](code.md)`';
    assert.deepEqual(linksOf(page), ['b.md#c', 'y.png', 'z.html']);
  });

  test('anchors', () => {
    assert.deepEqual(anchorsOf('# A `b` c: d\n## Same\n## Same\n```\n# no\n```'), ['a-b-c-d', 'same', 'same-1']);
  });

  test('a link that leads nowhere', () => {
    assert.ok(!leadsSomewhere('README.md', 'docs/nothing.md'));
    assert.ok(!leadsSomewhere('README.md', 'docs/logs.md#nothing'));
    assert.ok(!leadsSomewhere('docs/logs.md', '#nothing'));
    assert.ok(leadsSomewhere('docs/logs.md', '../README.md#install'));
  });
});
