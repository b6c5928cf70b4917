import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { parseFlags, STATUS_HELP } from '../../src/status/flags.ts';

const DEFAULTS = { help: false, watch: false, output: 'table', env: {} };

const NO_PROFILES = { PROFILES: '', PROFILES_FILE: '' };

describe('the flags of status', () => {
  const cases: [string[], object][] = [
    [[], {}],
    [['--help'], { help: true }],
    [['-h'], { help: true }],
    [['-w', '-o', 'json', '-n', 'db'], { watch: true, output: 'json', namespace: 'db' }],
    [['--kubeconfig', '/k', '--context=kind'], { context: 'kind', env: { KUBECONFIG: '/k' } }],
    [
      ['--selector', 'app in (a,b)'],
      {
        env: {
          ...NO_PROFILES,
          POD_LABEL_SELECTOR: 'app in (a,b)',
          POD_LABEL_SELECTOR_KEY: '',
          POD_LABEL_SELECTOR_VALUE: '',
        },
      },
    ],
    [
      ['--annotation', 'example.com/move=now'],
      { env: { ...NO_PROFILES, RESCHEDULE_ANNOTATION_KEY: 'example.com/move', RESCHEDULE_ANNOTATION_VALUE: 'now' } },
    ],
    [['--installation', 'hook.a'], { env: { WEBHOOK_CONFIGURATION: 'hook.a' } }],
    [['--wait-registered'], { waitRegisteredMs: 180_000 }],
    [['--wait-registered', '--timeout=5s'], { waitRegisteredMs: 5_000 }],
    [['--tracking', 'off'], { env: { TRACK_RESCHEDULED_PODS: 'false' } }],
    [['--hook-namespace', 'hooks'], { env: { POD_NAMESPACE: 'hooks' } }],
    [
      ['--tracking', 'configmap,namespace'],
      {
        env: {
          TRACK_RESCHEDULED_PODS: 'true',
          TRACKING_RESOURCE_TYPE: 'configmap',
          TRACKING_ALSO_READ: 'namespace',
        },
      },
    ],
    [['--tracking=namespace'], { env: { TRACK_RESCHEDULED_PODS: 'true', TRACKING_RESOURCE_TYPE: 'namespace' } }],
  ];
  for (const [args, expected] of cases) {
    test(args.join(' ') || 'none', () => assert.deepEqual(parseFlags(args), { ...DEFAULTS, ...expected }));
  }

  for (const [args, message] of [
    [['-o', 'yaml'], /--output is "yaml"; it must be table or json/],
    [['--annotation', 'key'], /write it KEY=VALUE/],
    [['-n', '../x'], /not the name of a namespace/],
    [['--installation', '../x'], /--installation is "\.\.\/x", which is not the name of a registration/],
    [['--timeout', '5s'], /--timeout goes with --wait-registered/],
    [['--wait-registered', '-w'], /--watch does not go with --wait-registered/],
    [['--wait-registered', '--timeout', 'long'], /"long" is not a duration/],
    [['--bogus'], /--bogus/],
    [['extra'], /extra/],
  ] as const) {
    test(`refuses ${args.join(' ')}`, () => assert.throws(() => parseFlags(args), message));
  }

  test('of one operator stand in place of the profiles of the environment', () => {
    const { env } = parseFlags(['--selector', 'app=x', '--annotation', 'example.com/move=now']);
    const { profiles } = readConfig({ PROFILES: 'strimzi-kafka', PROFILES_FILE: '/none', ...env });
    assert.deepEqual(
      profiles.map(({ selectors, mark }) => [selectors, mark?.key]),
      [[[[{ op: 'in', key: 'app', values: ['x'] }]], 'example.com/move']],
    );
  });

  test('are all in the help', () => {
    for (const flag of [
      'namespace',
      'kubeconfig',
      'context',
      'selector',
      'annotation',
      'tracking',
      'installation',
      'output',
      'watch',
      'wait-registered',
      'timeout',
      'help',
    ])
      assert.ok(STATUS_HELP.includes(`--${flag}`), flag);
  });
});
