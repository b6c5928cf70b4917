import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, readConfig } from '../../../src/config/config.ts';
import { policySettingsOf } from '../../../src/config/policy-settings.ts';
import { BUILT_IN } from '../../../src/config/profiles/built-in.ts';
import { describeProfiles, profilesAsJson } from '../../../src/config/profiles/describe-profiles.ts';
import { markValue } from '../../../src/policy/profiles/mark.ts';
import { aPod } from '../../support/builders.ts';

const FILE = '/etc/reschedule-hook/profiles.yaml';

type Environment = Record<string, string>;

/** The configuration with that text in PROFILES_FILE. */
const withFile = (text: string, env: Environment = {}) => readConfig({ PROFILES_FILE: FILE, ...env }, () => text);

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

const OWN = `profiles:
  - name: ours
    selector: app=ours
    requires: [example.com/supported, example.com/mode=move]
    mark:
      annotation: example.com/move
      value: "{now} {node}"
      match: present
    names: new
    tracking: off
    stallAfter: 1h
    conflicts: [theirs.example.com]
    withdraw: true
    warning: it may take long
`;

describe('PROFILES', () => {
  test('names built-in profiles, and their order is that of the rules', () => {
    const { profiles, labelSelectors } = readConfig({ PROFILES: 'strimzi-kafka, couchbase' });
    assert.deepEqual(
      profiles.map(({ name, tracking, stallAfterMs }) => [name, tracking.type, stallAfterMs / 60_000]),
      [
        ['strimzi-kafka', 'namespace', 20],
        ['couchbase', 'couchbasecluster', 15],
      ],
    );
    assert.deepEqual(labelSelectors, [
      'strimzi.io/kind in (Kafka),strimzi.io/component-type in (kafka)',
      'app in (couchbase)',
    ]);
  });

  test('each built-in profile can be read, and protects something', () => {
    // Of the two for FoundationDB only one can count.
    for (const left of ['foundationdb', 'foundationdb-taints']) {
      const all = BUILT_IN.map(({ name }) => name).filter((name) => name !== left);
      const { profiles } = readConfig({ PROFILES: all.join(',') });
      assert.deepEqual(
        profiles.map(({ name }) => name),
        all,
      );
      assert.deepEqual(withFile(profilesAsJson(profiles)).profiles, profiles, 'and what is shown can be written');
    }
  });

  test('couchbase is what the hook protects without any setting', () => {
    assert.deepEqual(readConfig({ PROFILES: 'couchbase' }), readConfig({}));
  });

  test('what a profile leaves open is the setting of all', () => {
    const types = (env: Environment) =>
      readConfig({ PROFILES: 'couchbase,strimzi-kafka', ...env }).profiles.map(({ tracking }) => tracking.type);
    assert.deepEqual(types({ TRACKING_RESOURCE_TYPE: 'configmap' }), ['configmap', 'configmap']);
    assert.deepEqual(types({ TRACKING_RESOURCE_TYPE: 'namespace' }), ['namespace', 'namespace']);
    assert.deepEqual(types({ TRACK_RESCHEDULED_PODS: 'false' }), ['off', 'off']);
  });

  test('profiles that keep their entries in the same way share one tracking', () => {
    const settings = policySettingsOf(readConfig({ PROFILES: 'strimzi-kafka,aerospike,couchbase' }));
    assert.equal(settings.profiles[0]?.tracking, settings.profiles[1]?.tracking);
    assert.notEqual(settings.profiles[0]?.tracking, settings.profiles[2]?.tracking);
  });

  test('a name that is unknown is an error, with those that there are', () => {
    const [problem, ...others] = problemsOf(() => readConfig({ PROFILES: 'strimzi,couchbase' }));
    assert.match(problem ?? '', /^PROFILES has "strimzi"; there are couchbase, strimzi-kafka, /);
    assert.deepEqual(others, []);
  });

  test('the settings of one operator do not stand beside it, and the error says where they go', () => {
    const env = { PROFILES: 'couchbase', POD_LABEL_SELECTOR: 'app=x', RESCHEDULE_ANNOTATION_KEY: 'a/b' };
    assert.deepEqual(
      problemsOf(() => readConfig(env)),
      [
        'POD_LABEL_SELECTOR is set beside PROFILES; write it as selector of a profile in PROFILES_FILE',
        'RESCHEDULE_ANNOTATION_KEY is set beside PROFILES; write it as mark.annotation of a profile in PROFILES_FILE',
      ],
    );
  });
});

describe('PROFILES_FILE', () => {
  test('adds profiles of its own; all of it counts where PROFILES names none', () => {
    const [ours, ...others] = withFile(OWN).profiles;
    assert.deepEqual(others, []);
    assert.deepEqual(ours, {
      name: 'ours',
      selectors: [[{ op: 'in', key: 'app', values: ['ours'] }]],
      requires: [{ key: 'example.com/supported' }, { key: 'example.com/mode', value: 'move' }],
      mark: { key: 'example.com/move', value: '{now} {node}', match: 'present' },
      names: 'new',
      tracking: { type: 'off', also: [] },
      stallAfterMs: 3_600_000,
      withdraws: true,
      conflicts: ['theirs.example.com'],
      warning: 'it may take long',
    });
    const both = withFile(OWN, { PROFILES: 'couchbase,ours' }).profiles;
    assert.deepEqual(
      both.map(({ name }) => name),
      ['couchbase', 'ours'],
    );
  });

  test('overrides a built-in profile field by field', () => {
    const text = 'profiles:\n  - name: strimzi-kafka\n    stallAfter: 45m\n    mark: { value: "now" }\n';
    const [profile] = withFile(text).profiles;
    const [builtIn] = readConfig({ PROFILES: 'strimzi-kafka' }).profiles;
    assert.deepEqual(profile, {
      ...builtIn,
      stallAfterMs: 45 * 60_000,
      mark: { key: 'strimzi.io/manual-rolling-update', value: 'now', match: 'exact' },
    });
  });

  test('says what hinders an operator, as one resource or as a list of them', () => {
    const one = (kind: string) =>
      `{kind: ${kind}, resource: ${kind.toLowerCase()}s.example.com, label: app, reports: [{at: "status.conditions[Ready]", is: "False", word: NotReady}]}`;
    const hindrances = (text: string) => withFile(`${OWN}    hindrance: ${text}\n`).profiles[0]?.hindrances;
    const ours = (kind: string, plural: string) => ({
      kind,
      plural,
      group: 'example.com',
      label: 'app',
      reports: [{ path: ['status', 'conditions', 'Ready'], is: 'False', word: 'NotReady' }],
    });
    assert.deepEqual(hindrances(one('Ours')), [ours('Ours', 'ourss')]);
    assert.deepEqual(hindrances(`[${one('Our')}, ${one('Other')}]`), [ours('Our', 'ours'), ours('Other', 'others')]);
  });

  for (const [what, text, problem] of [
    ['no group', '{kind: A, resource: as, label: app, reports: [{at: a, is: "b", word: Cd}]}', '0.resource is "as"'],
    [
      'no path',
      '{kind: A, resource: a.b, label: app, reports: [{at: "a[", is: "b", word: Cd}]}',
      'reports.0.at is "a["',
    ],
    ['no text', '{kind: A, resource: a.b, label: app, reports: [{at: a, is: true, word: Cd}]}', 'put it into quotes'],
    ['two words', '{kind: A, resource: a.b, label: app, reports: [{at: a, is: "b", word: c d}]}', 'PascalCase'],
    ['nothing', '{kind: A, resource: a.b, label: app, reports: []}', 'is an empty list'],
  ] as const) {
    test(`a hindrance with ${what} is refused with its line`, () => {
      const problems = problemsOf(() => withFile(`${OWN}    hindrance: ${text}\n`)).join('\n');
      assert.match(problems, /^\S+:\d+ ours\.hindrance/);
      assert.ok(problems.includes(problem), problems);
    });
  }

  test('limits how many of a group may be under way, which it counts by entries', () => {
    const limited = (more: string) => `${OWN.replace(/^ *tracking:.*\n/m, '')}    maxConcurrent: ${more}\n`;
    const one = { pods: 1, by: ['app'] };
    assert.deepEqual(withFile(limited('{pods: 1, by: app}')).profiles[0]?.maxConcurrent, one);
    const two = withFile(limited('{pods: 2, by: [app, zone]}')).profiles[0];
    assert.deepEqual(two?.maxConcurrent, { pods: 2, by: ['app', 'zone'] });
    assert.match(profilesAsJson(two ? [two] : []), /"maxConcurrent": \{\s*"pods": 2,\s*"by": \[/);
    const wrong = (text: string) => problemsOf(() => withFile(text)).join('\n');
    assert.match(wrong(limited('{pods: 0, by: app}')), /:\d+ ours\.maxConcurrent\.pods is less than 1/);
    assert.match(wrong(limited('{pods: 1, by: []}')), /ours\.maxConcurrent\.by is empty/);
    assert.match(wrong(limited('{pods: 1}')), /ours\.maxConcurrent\.by is missing/);
    assert.match(
      wrong(`${OWN}    maxConcurrent: {pods: 1, by: app}\n`),
      /^ours has maxConcurrent or respectBudgets, .*set its tracking to namespace or configmap/,
    );
  });

  test('takes several selectors for one operator', () => {
    const text = OWN.replace('selector: app=ours', 'selector: [app=ours, "tier in (a,b)"]');
    assert.deepEqual(withFile(text).labelSelectors, ['app in (ours)', 'tier in (a,b)']);
  });

  test('every problem is named at once, with file and line', () => {
    const text = `profiles:
  - name: Ours
    selector: "!skip"
    mark:
      annotation: no key/at/all
      value: "{when}"
    names: perhaps
    stallAfter: 15
    colour: red
  - name: theirs
    selector: app=theirs
    mark: { annotation: a/b, value: "{now}" }
    names: reused
  - name: theirs
`;
    assert.deepEqual(
      problemsOf(() => withFile(text)),
      [`${FILE}:14 there is a profile theirs before`],
    );
    assert.deepEqual(
      problemsOf(() => withFile(text.replace('  - name: theirs\n    selector', '  - name: others\n    selector'))),
      [
        `${FILE}:2 Ours.name is "Ours"; it must be lower-case letters, digits and dashes`,
        `${FILE}:3 Ours.selector is "!skip", which only excludes pods; add a label that the pods have, as in app=couchbase`,
        `${FILE}:5 Ours.mark.annotation is "no key/at/all", which is not an annotation key`,
        `${FILE}:7 Ours.names is "perhaps"; it must be reused or new or either or byTracker`,
        `${FILE}:8 Ours.stallAfter is no text`,
        `${FILE}:2 Ours has colour, which no profile has`,
        `${FILE}:12 others.mark.value has {now}, which is another one each time: it needs match: present`,
        `${FILE}:14 theirs.selector is neither a label selector nor a list of them`,
        `${FILE}:14 theirs.mark is missing, or is no list of fields`,
        `${FILE}:14 theirs.names is missing; it must be reused or new or either or byTracker`,
      ],
    );
  });

  test('a placeholder that nobody knows is named', () => {
    assert.deepEqual(
      problemsOf(() => withFile(OWN.replace('{now} {node}', '{when}'))),
      [`${FILE}:7 ours.mark.value has {when}, which is none of {now}, {uid}, {node}, {ordinal} and {label:KEY}`],
    );
  });

  test('what is in the file and not in force is checked as well', () => {
    const wrong = OWN.replace('names: new', 'names: none');
    assert.match(problemsOf(() => withFile(wrong, { PROFILES: 'couchbase' }))[0] ?? '', /^\S+:9 ours\.names is "none"/);
  });

  test('two profiles with the same selector are an error: the second would never count', () => {
    const text = `${OWN}  - name: again\n    selector: app = ours\n    requires: [example.com/supported, example.com/mode=move]\n    mark: { annotation: a/b, value: "true" }\n    names: reused\n`;
    assert.deepEqual(
      problemsOf(() => withFile(text)),
      ['the profiles ours and again have the same selector: the second would never count'],
    );
  });

  test('more selectors than the hook can watch are an error', () => {
    const list = Array.from({ length: 25 }, (_, i) => `app=a${i}`).join(', ');
    assert.deepEqual(
      problemsOf(() => withFile(OWN.replace('app=ours', `[${list}]`))),
      ['the profiles have 25 selectors, and the hook watches 24 at most'],
    );
    assert.equal(withFile(OWN.replace('app=ours', `[${list.replace('app=a0, ', '')}]`)).labelSelectors.length, 24);
  });

  const bomb = Array.from({ length: 9 }, (_, i) => {
    return `a${i}: &a${i} [${Array(9).fill(i === 0 ? 'x' : `*a${i - 1}`)}]\n`;
  });

  for (const [what, text, problem] of [
    ['an alias of nothing', 'profiles: *x\n', /^\S+profiles\.yaml Unresolved alias/],
    ['too many aliases', `${bomb.join('')}profiles: *a8\n`, /^\S+profiles\.yaml Excessive alias count/],
    [
      'a name that no text can be made of',
      'profiles: [{ name: { toString: x } }]\n',
      /:1 profiles\[0\]\.name is no text$/,
    ],
    [
      'a list that is in itself',
      OWN.replace('names: new', 'names: &a [*a]'),
      /:9 ours\.names is no text; it must be reused/,
    ],
    ['no YAML', 'profiles: [', /^\S+profiles\.yaml:1 /],
    ['another field', `${OWN}colour: red\n`, /profiles\.yaml has colour beside profiles$/],
    ['no list', 'profiles: couchbase\n', /profiles\.yaml has no list of profiles$/],
    ['nothing', '', /profiles\.yaml has no list of profiles$/],
    ['an empty list', 'profiles: []\n', /^PROFILES_FILE has an empty list of profiles, which would protect no pod$/],
    ['no profile', 'profiles: [couchbase]\n', /profiles\[0\]\.name/],
  ] as const) {
    test(`${what} is an error`, () => assert.match(problemsOf(() => withFile(text))[0] ?? '', problem));
  }

  test('a file that cannot be read is an error', () => {
    const read = () =>
      readConfig({ PROFILES_FILE: FILE }, () => {
        throw new Error('ENOENT');
      });
    assert.deepEqual(problemsOf(read), ['PROFILES_FILE cannot be read: ENOENT']);
  });
});

describe('what no pod can carry is an error', () => {
  for (const [what, text, problem] of [
    [
      'a mark that is too long',
      OWN.replace('{now} {node}', 'x'.repeat(1001)),
      /:7 ours\.mark\.value has 1001 characters/,
    ],
    ['a mark that is no text', OWN.replace('{now} {node}', '\\ud800'), /:7 ours\.mark\.value has half a character/],
    [
      'a webhook whose name is none',
      OWN.replace('theirs.example', 'Theirs_example'),
      /:12 ours\.conflicts\.0 is "Theirs_example\.com", which is not the name of a registration or a webhook$/,
    ],
    [
      'a webhook in no list',
      OWN.replace('[theirs.example.com]', 'theirs.example.com'),
      /:12 ours\.conflicts is no list$/,
    ],
    [
      'a required value that is longer than what is kept of a pod',
      OWN.replace('mode=move', `mode=${'x'.repeat(400)}`),
      /:4 ours\.requires\.1 has a value that is too long$/,
    ],
  ] as const) {
    test(what, () => assert.match(problemsOf(() => withFile(text)).join('\n'), problem));
  }
});

test('a duration is shown in JSON so that it can be read again', () => {
  for (const [given, shown] of [
    ['24h', '24h'],
    ['25h1m1s', '90061s'],
    ['1500ms', '1500ms'],
    ['1s', '1s'],
  ] as const) {
    const { profiles } = withFile(OWN.replace('1h', given));
    assert.match(profilesAsJson(profiles), new RegExp(`"stallAfter": "${shown}"`));
    assert.deepEqual(withFile(profilesAsJson(profiles)).profiles, profiles);
  }
});

/** What no operator would find equal to what people meant. */
const UNSEEN = [
  ['true\n', '"true\\n"'],
  [' true', '" true"'],
  ['true\t', '"true\\t"'],
  [' ', '" "'],
  ['\ufefftrue', '"\\u{feff}true"'],
  ['true\u200b', '"true\\u{200b}"'],
  ['a\u0007b', '"a\\u0007b"'],
] as const;

describe('a text with white space or control characters that nobody sees is an error', () => {
  for (const [given, shown] of UNSEEN) {
    const quoted = JSON.stringify(given);
    const problem = `is ${shown}; take out the white space at its ends, and control characters`;
    test(`${shown} in a profile`, () => {
      assert.deepEqual(
        problemsOf(() => withFile(OWN.replace('"{now} {node}"', quoted))),
        [`${FILE}:7 ours.mark.value ${problem}`],
      );
      assert.deepEqual(
        problemsOf(() => withFile(OWN.replace('example.com/mode=move', JSON.stringify(`example.com/mode=${given}`)))),
        [`${FILE}:4 ours.requires.1 has a value that ${problem}`],
      );
      for (const field of ['is', 'isNot']) {
        const wrong = problemsOf(() => withFile(onObject(`{at: spec.paused, ${field}: ${quoted}, word: Paused}`)));
        assert.deepEqual(wrong, [`${FILE}:10 asked.mark.onlyIf.1.${field} ${problem}`]);
      }
    });

    test(`${shown} in a setting`, () => {
      assert.deepEqual(
        problemsOf(() => readConfig({ RESCHEDULE_ANNOTATION_VALUE: given })),
        [`RESCHEDULE_ANNOTATION_VALUE ${problem}`],
      );
    });
  }

  test('but white space within it is not', () => {
    assert.equal(readConfig({ RESCHEDULE_ANNOTATION_VALUE: '[\n\t1]' }).profiles[0]?.mark?.value, '[\n\t1]');
    assert.equal(readConfig({ RESCHEDULE_ANNOTATION_VALUE: 'move it' }).profiles[0]?.mark?.value, 'move it');
    assert.deepEqual(withFile(OWN.replace('mode=move', 'mode=move it')).profiles[0]?.requires[1]?.value, 'move it');
  });
});

const onObject = (onlyIf: string) =>
  `profiles:
  - name: asked
    selector: app=asked
    mark:
      on: {kind: Sql, resource: sqls.example.com, label: example.com/sql}
      annotation: example.com/move
      value: "{uid}"
      onlyIf:
        - {at: spec.mode, is: "on it", word: ModeOff}
        - ONE
    names: new
`.replace('ONE', onlyIf);

describe('stallAfter', () => {
  test('is a second or more', () => {
    for (const given of ['0s', '999ms'])
      assert.deepEqual(
        problemsOf(() => withFile(OWN.replace('1h', given))),
        [
          `${FILE}:11 ours.stallAfter is ${given}; it must be at least 1s, and longer than the operator takes to move a pod`,
        ],
      );
  });
});

describe('RESCHEDULE_ANNOTATION_VALUE', () => {
  test('is no longer than a pod could carry', () => {
    assert.deepEqual(
      problemsOf(() => readConfig({ RESCHEDULE_ANNOTATION_VALUE: 'x'.repeat(1001) })),
      ['RESCHEDULE_ANNOTATION_VALUE has 1001 characters; 1000 are the most'],
    );
  });

  test('is taken as it is written, braces and all', () => {
    for (const value of ['{"reason":"drain"}', '{}', '{when}']) {
      const [profile] = policySettingsOf(readConfig({ RESCHEDULE_ANNOTATION_VALUE: value })).profiles;
      assert.equal(profile?.mark && markValue(profile.mark.value, aPod(), 0), value);
    }
  });

  test('has no placeholders, and the error says where they go', () => {
    assert.deepEqual(
      problemsOf(() => readConfig({ RESCHEDULE_ANNOTATION_VALUE: 'on {node}' })),
      [
        'RESCHEDULE_ANNOTATION_VALUE has {node}, which only a profile fills in; write it as mark.value in PROFILES_FILE',
      ],
    );
  });
});

test('what is in force is shown as text, and as a file that reads the same', () => {
  const { profiles } = withFile(OWN);
  assert.equal(
    describeProfiles(profiles),
    `ours
  selects   app in (ours)
  requires  example.com/supported
  requires  example.com/mode=move
  mark      example.com/move={now} {node} (any value is one)
  names     new
  tracking  off
  stalled   after 1h
  withdraw  once nobody drains the node any more
  conflicts theirs.example.com
  warning   it may take long
`,
  );
  assert.deepEqual(withFile(profilesAsJson(profiles)).profiles, profiles);
});
