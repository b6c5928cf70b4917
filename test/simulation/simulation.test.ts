import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULTS } from './faults/faults.ts';
import { COUCHBASE } from './model/families.ts';
import { COUCHBASE_ALONE } from './runs/profile-sets.ts';
import { describeFailure } from './runs/report.ts';
import { replay, run } from './runs/run.ts';
import { shrink } from './runs/shrink.ts';
import { DRAINERS, type Variant } from './runs/variant.ts';
import { simulate } from './simulate-apart.ts';

const ONE_REPLICA: Variant = {
  tracking: 'inPlace',
  condition: 'scheduled',
  pinsPods: false,
  longNames: false,
  replicas: 1,
  keepsNodes: true,
  leavesCorpses: false,
  graceSeconds: 30,
  drainers: [DRAINERS.kubectl],
  aheadMs: 0,
  toleratesCordon: false,
  stripsMarks: 'never',
  marksByHand: false,
  hangs: 'never',
  second: 'none',
  forges: false,
  ...COUCHBASE_ALONE,
};
/** How often cb-0 was marked. */
const marks = (notes: readonly string[]) =>
  notes.filter((note) => /PATCH pods\/cb-0 is carried out$/.test(note)).length;
const faultOf = (what: RegExp) => FAULTS.find((fault) => what.test(fault.what))?.mutation ?? assert.fail();

describe('the simulation', () => {
  test('all holds in a few runs; at-length.slow.test.ts has many', () => {
    const { status, stdout } = simulate(['--runs', '200', '--seed', '1']);
    assert.equal(status, 0, stdout);
  });

  test('a seed gives the same run again, and so does its script', async () => {
    for (const seed of [3, 14, 15, 92]) {
      const first = await run(seed);
      assert.deepEqual(await run(seed), first);
      const { script, answers, variant, steps } = await replay(first.variant, first.script);
      assert.deepEqual(
        { script, answers, variant, steps },
        { script: first.script, answers: first.answers, variant: first.variant, steps: first.steps },
      );
    }
  });

  test('a failure is shrunk to a script in which every step is needed', async () => {
    const mutation = faultOf(/^the mark is written without/);
    let seed = 1;
    let found = await run(seed, { mutation });
    while (found.violation === undefined) found = await run(++seed, { mutation });
    const shortest = await shrink(found, mutation);
    assert.equal(shortest.violation?.invariant, 'g');
    for (const [i] of shortest.script.entries()) {
      const { violation } = await replay(found.variant, shortest.script.toSpliced(i, 1), { mutation });
      assert.notEqual(violation?.invariant, 'g', shortest.script[i]);
    }
    assert.match(describeFailure(shortest), new RegExp(`seed ${seed}: npm run simulate -- --runs 1 --seed ${seed}\n`));
  });
});

describe('what a tenant can do by entries', () => {
  const moved = [
    'kubectl-0 starts on n1',
    'kubectl-0 lists',
    'r0 is told everything',
    'kubectl-0 evicts cb-0 at r0',
    "t0's call is carried out",
    "t0's call is answered",
    "t0's call is carried out",
    "t0's call is answered",
    't0 is answered',
    'operator deletes cb-0',
    'operator creates cb-0',
    'scheduler puts cb-0 on n3',
    'cb-0 is ready',
    'r0 is told everything',
  ];
  const variant = { ...ONE_REPLICA, forges: true };

  for (const [what, step, times] of [
    ['who makes up nothing has a pod moved once', '3s pass', 1],
    [
      'who names the present instance has it moved once more',
      "a tenant's entry of cb-0 claims the present instance",
      2,
    ],
    ['who removes an entry has nothing moved that the process saw leave', 'a tenant removes the entry of cb-0', 1],
    ['who makes up what is no JSON has nothing moved', "a tenant's entry of cb-0 claims what is no JSON", 1],
  ] as const) {
    test(what, async () => {
      const script = [...moved, step];
      const { violation, script: taken, notes } = await replay(variant, script, { keepsNotes: true });
      assert.deepEqual([violation, taken], [undefined, script]);
      assert.equal(marks(notes), times);
    });
  }
});

describe('marks that others take away, or make', () => {
  const script = ['kubectl-0 starts on n1'];

  for (const [stripsMarks, tracking, replicas, fault] of [
    ['at once', 'inPlace', 1, /^a mark that takes the place of one/],
    ['at once', 'inPlace', 3, /^a mark that takes the place of one/],
    ['at once', 'off', 1, /^without an entry, a pod has waited since/],
    ['at once', 'off', 3, /^without an entry, a pod has waited since/],
    ['later', 'inPlace', 1, /^a mark that takes the place of one/],
    ['later', 'off', 3, /^without an entry, a pod has waited since/],
  ] as const) {
    test(`taken away ${stripsMarks}: reported as stalled, tracking ${tracking}, ${replicas} replicas`, async () => {
      const variant = { ...ONE_REPLICA, stripsMarks, tracking, replicas };
      assert.equal((await replay(variant, script)).violation, undefined);
      const { violation } = await replay(variant, script, { mutation: faultOf(fault) });
      assert.equal(violation?.invariant, 'm');
    });
  }

  test("somebody else's mark on a pod that has moved keeps no drain waiting", async () => {
    const variant = { ...ONE_REPLICA, marksByHand: true };
    const { violation, answers } = await replay(variant, script);
    assert.deepEqual([violation, answers.get('Rescheduled')], [undefined, 1]);
    const planted = await replay(variant, script, { mutation: faultOf(/^a drain waits for somebody else's mark/) });
    assert.equal(planted.violation?.invariant, 'd');
    assert.match(planted.violation.what, /waits for somebody else's mark/);
  });

  test('an entry that is pruned before somebody else marks the pod costs one more move after a restart', async () => {
    const pruned = [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'r0 is told everything',
      'kubectl-0 evicts cb-0 at r0',
      "t0's call is carried out",
      "t0's call is answered",
      "t0's call is carried out",
      "t0's call is answered",
      't0 is answered',
      'r0 is told everything',
      'somebody unmarks cb-0',
      'r0 is told everything',
      '4m pass',
      "r0's call is carried out",
      "r0's call is answered",
      "r0's call is carried out",
      "r0's call is answered",
      'somebody marks cb-0',
      'r0 dies',
      'operator deletes cb-0',
      'operator creates cb-0',
      'scheduler puts cb-0 on n3',
      'r0 comes back',
    ];
    const variant = { ...ONE_REPLICA, keepsNodes: false, marksByHand: true };
    const { violation, script: taken, notes } = await replay(variant, pruned, { keepsNotes: true });
    assert.deepEqual([violation, taken], [undefined, pruned]);
    assert.equal(marks(notes), 2);
  });
});

describe('what the simulation has found stays mended', () => {
  test('a clock that is ahead takes no pod for a corpse that its operator is replacing', async () => {
    const script = [
      'kubectl-0 starts on n2',
      'kubectl-0 lists',
      'cb-1 fails',
      'r0 is told everything',
      'the clock of r0 goes ahead 7m',
      'kubectl-0 evicts cb-1 at r0',
      "t0's call is carried out",
      'operator replaces the failed cb-1',
      'operator creates cb-1',
      "t0's call is answered",
      't0 is answered',
    ];
    assert.equal((await replay(ONE_REPLICA, script)).violation, undefined);
    const mutation = faultOf(/^the wall clock says/);
    const { violation } = await replay(ONE_REPLICA, script, { mutation });
    assert.equal(violation?.invariant, 'a');
  });

  test('a pod that is given less grace while it ends is no corpse for the time that it had before', async () => {
    const variant = { ...ONE_REPLICA, tracking: 'off', graceSeconds: 3_600 } as const;
    const script = [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'somebody deletes cb-0',
      'r0 is told everything',
      '20m pass',
      'somebody deletes cb-0 with 5 s of grace',
      'r0 is told everything',
      'kubectl-0 evicts cb-0 at r0',
      "t0's call is carried out",
      "t0's call is answered",
      't0 is answered',
    ];
    assert.equal((await replay(variant, script)).violation, undefined);
    const { violation } = await replay(variant, script, { mutation: faultOf(/^for how long a pod has been over/) });
    assert.equal(violation?.invariant, 'a');
  });

  test('a 404 about another object is no word on the tracking resource: no mark without its entry', async () => {
    const variant = {
      ...ONE_REPLICA,
      tracking: 'namespace',
      drainers: [DRAINERS.clusterApi],
      keepsNodes: true,
    } as const;
    const script = [
      'cluster-api-0 starts on n1',
      'cluster-api-0 lists',
      'r0 dies',
      'r0 comes back',
      'cluster-api-0 evicts cb-0 at r0',
      "t0's call is carried out",
      "t0's call is answered",
      'r0 starts to list pods',
      'r0 is told everything',
      "t0's call gets 404 about something else",
      "t0's call is carried out",
      "t0's call is answered",
      "t0's call is carried out",
      'operator deletes cb-0',
      'r0 dies',
    ];
    assert.equal((await replay(variant, script)).violation, undefined);
  });

  test("of a Job's pod nothing is remembered", async () => {
    const script = [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'r0 is told everything',
      'kubectl-0 evicts backup-0 at r0',
      "t0's call is carried out",
      "t0's call is answered",
      't0 is answered',
      'the kubelet ends backup-0',
      'backup-0 is created',
      'scheduler puts backup-0 on n3',
      'backup-0 fails',
    ];
    assert.equal((await replay(ONE_REPLICA, script)).violation, undefined);
  });

  test('a pod that lost its label before it was marked does not stay in the cache for good', async () => {
    const script = [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'r0 is told of nodes',
      'somebody takes the label of cb-0',
      'kubectl-0 evicts cb-0 at r0',
      "t0's call is carried out",
      "t0's call is answered",
      't0 is answered',
      'kubectl-0 gives up and uncordons',
    ];
    const { violation, script: taken } = await replay({ ...ONE_REPLICA, tracking: 'swap' }, script);
    assert.deepEqual([violation, taken], [undefined, script]);
  });

  for (const tracking of ['inPlace', 'off'] as const) {
    test(`a pod that comes back where nobody drains is not moved again and again, tracking ${tracking}`, async () => {
      const script = [
        'kubectl-0 starts on n1',
        'kubectl-0 lists',
        'r0 dies',
        'operator restarts cb-0',
        'operator creates cb-0',
        'scheduler puts cb-0 on n2',
        'cb-0 is ready',
        'r0 comes back',
      ];
      const { violation, script: taken } = await replay({ ...ONE_REPLICA, tracking }, script);
      assert.deepEqual([violation, taken], [undefined, script]);
      const mutation = faultOf(/^a pod that came back on its node is held/);
      const planted = await replay({ ...ONE_REPLICA, tracking }, script, { mutation });
      assert.equal(planted.violation?.invariant, 'd');
    });
  }

  test('a second hook that is always the first to deny keeps no drain waiting for a pod that it saw leave', async () => {
    const variant = { ...ONE_REPLICA, second: 'overlapping' } as const;
    const script = ['kubectl-0 starts on n2'];
    const { violation, script: taken } = await replay(variant, script);
    assert.deepEqual([violation, taken], [undefined, script]);
  });

  test('a replacement that is there beside its marked pod does not hide another one that is away', async () => {
    const mark = { key: 'example.com/move-kf', value: 'true', match: 'exact' } as const;
    const profile = { name: 'kafka', mark, names: 'either', tracking: 'namespace', maxConcurrent: 2 } as const;
    const families = [{ ...COUCHBASE, prefix: 'kf', app: 'kafka', profile }];
    const drainers = [DRAINERS.kubectl, DRAINERS.clusterApi];
    const variant = { ...ONE_REPLICA, families, tracking: 'namespace', keepsNodes: false, drainers } as const;
    const evicted = (drainer: string, pod: string) => [
      `${drainer} evicts ${pod} at r0`,
      ...Array.from({ length: 6 }, () => ["t0's call is carried out", "t0's call is answered"]).flat(),
    ];
    const script = [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'r0 is told everything',
      ...evicted('kubectl-0', 'kf-0'),
      't0 is answered',
      'operator of kf swaps kf-0',
      'scheduler puts kf-3 on n2',
      'kf-3 is ready',
      ...evicted('kubectl-0', 'kf-1'),
      't0 is answered',
      'operator of kf deletes kf-1',
      'r0 is told everything',
      'cluster-api-1 starts on n2',
      'cluster-api-1 lists',
      ...evicted('cluster-api-1', 'kf-2'),
    ];
    const { violation, answers } = await replay(variant, script);
    assert.deepEqual([violation, (answers.get('GroupBusy') ?? 0) > 0], [undefined, true]);
  });

  test('the entry of a pod that lost its label is pruned, and the pod is not read for ever', async () => {
    const script = [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'kubectl-0 evicts cb-0 at r0',
      "t0's call is carried out",
      "t0's call is answered",
      "t0's call breaks off",
      't0 is answered',
      'somebody takes the label of cb-0',
      'kubectl-0 gives up and uncordons',
    ];
    const { violation, script: taken } = await replay(ONE_REPLICA, script);
    assert.deepEqual([violation, taken], [undefined, script]);
  });
});
