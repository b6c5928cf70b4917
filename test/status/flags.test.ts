import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFlags, STATUS_HELP } from '../../src/status/flags.ts';

const DEFAULTS = { help: false, watch: false, output: 'table', env: {} };

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
        env: { POD_LABEL_SELECTOR: 'app in (a,b)', POD_LABEL_SELECTOR_KEY: '', POD_LABEL_SELECTOR_VALUE: '' },
      },
    ],
    [
      ['--annotation', 'example.com/move=now'],
      { env: { RESCHEDULE_ANNOTATION_KEY: 'example.com/move', RESCHEDULE_ANNOTATION_VALUE: 'now' } },
    ],
    [['--tracking', 'off'], { env: { TRACK_RESCHEDULED_PODS: 'false' } }],
    [['--tracking=namespace'], { env: { TRACK_RESCHEDULED_PODS: 'true', TRACKING_RESOURCE_TYPE: 'namespace' } }],
  ];
  for (const [args, expected] of cases) {
    test(args.join(' ') || 'none', () => assert.deepEqual(parseFlags(args), { ...DEFAULTS, ...expected }));
  }

  for (const [args, message] of [
    [['-o', 'yaml'], /--output is "yaml"; it must be table or json/],
    [['--annotation', 'key'], /write it KEY=VALUE/],
    [['-n', '../x'], /not the name of a namespace/],
    [['--bogus'], /--bogus/],
    [['extra'], /extra/],
  ] as const) {
    test(`refuses ${args.join(' ')}`, () => assert.throws(() => parseFlags(args), message));
  }

  test('are all in the help', () => {
    for (const flag of [
      'namespace',
      'kubeconfig',
      'context',
      'selector',
      'annotation',
      'tracking',
      'output',
      'watch',
      'help',
    ])
      assert.ok(STATUS_HELP.includes(`--${flag}`), flag);
  });
});
