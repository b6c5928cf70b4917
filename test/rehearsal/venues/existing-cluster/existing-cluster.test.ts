import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nodePath } from '../../../../src/kube/paths.ts';
import { createCluster } from '../../../../testkit/couchbase/workload.ts';
import { brokenBy } from '../../broken-hook.ts';
import { type Rig, startRig, type Wanted } from './rig.ts';

let rig: Rig;
let untouched: unknown;

before(async () => {
  rig = await startRig();
  untouched = await rig.state();
});
after(() => rig?.stop());

/** Runs a rehearsal that does not come to its end, and gives what it said until then. */
async function broken(wanted: Wanted, error: object): Promise<readonly string[]> {
  const lines: string[] = [];
  const heard = (line: string) => {
    lines.push(line);
    wanted.heard?.(line);
  };
  await assert.rejects(rig.rehearse({ ...wanted, heard }), error);
  return lines;
}

const assertNothingLeft = async () => assert.deepEqual(await rig.state(), untouched);

describe('a rehearsal on a cluster that exists', () => {
  test('asks, drains one of the named nodes with the hook that is there, and leaves nothing', async () => {
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      await assertNothingLeft();
      return true;
    };
    const { record, lines } = await rig.rehearse({ ask });
    assert.deepEqual(asked, ['Go on? [y/N] ']);
    assert.deepEqual(
      record.checks.filter(({ holds }) => !holds),
      [],
      lines.join('\n'),
    );
    assert.equal(record.holds, true);
    assert.match(record.drains[0]?.node ?? '', /^node-[12]$/);
    assert.match(
      lines.join('\n'),
      /the definition couchbaseclusters\.couchbase\.com\n[\s\S]*Pod marked for rescheduling/,
    );
    assert.ok(record.pods.every(({ node }) => node !== 'node-3'));
    assert.ok(Number(record.figures.find(({ what }) => what === 'evictions refused')?.value) > 0);
    await assertNothingLeft();
  });

  test('does nothing where the answer is no', async () => {
    const lines = await broken({ ask: async () => false }, { name: 'UsageError', message: 'nothing was done' });
    assert.match(lines.join('\n'), /^On the cluster of context "embedded" this will\n/);
    await assertNothingLeft();
  });

  test('does nothing where nobody can be asked', async () => {
    await broken({}, { name: 'UsageError', message: 'nobody can be asked here: --yes goes on without' });
    await assertNothingLeft();
  });

  test('takes everything back after an interrupt in the middle of the drain', async () => {
    const interrupted = new AbortController();
    let state: unknown;
    const heard = (line: string) => {
      if (!/Pod marked for rescheduling/.test(line) || state !== undefined) return;
      state = rig.state().then((seen) => {
        interrupted.abort(new Error('enough'));
        return seen;
      });
    };
    // So slow that nobody moves the pod meanwhile.
    const wanted = { args: ['--yes', '--period=1s'], signal: interrupted.signal, heard };
    const lines = await broken(wanted, { message: 'enough' });
    assert.match(JSON.stringify(await state), /"isCordoned":true,"annotations":\{[^}]*"reschedule.hook\/cordoned-for"/);
    assert.ok(lines.includes('takes everything back, which may take a minute'));
    await assertNothingLeft();
  });

  test('takes everything back after an interrupt while pods start', async () => {
    const interrupted = new AbortController();
    const heard = (line: string) => {
      if (line.startsWith('waiting until')) interrupted.abort(new Error('enough'));
    };
    await broken({ args: ['--yes'], signal: interrupted.signal, heard }, { message: 'enough' });
    await assertNothingLeft();
  });

  test('takes everything back after a drain that failed, and says that it did', async () => {
    const { record } = await rig.rehearse({ args: ['--yes'], env: { EXIT: '7' } });
    assert.equal(record.holds, false);
    const problems = record.checks.flatMap((check) => check.problems);
    assert.ok(
      problems.some((problem) => / ended with exit code 7$/.test(problem)),
      problems.join('\n'),
    );
    await assertNothingLeft();
  });

  test('names what it cannot take back, and takes back the rest', async () => {
    const { client } = rig;
    const heard = (line: string) => {
      if (line.startsWith('waiting until')) void createCluster(client, { namespace: 'default', name: 'of-others' });
    };
    const message = 'couchbaseclusters.couchbase.com stays: somebody else uses it by now';
    const lines = await broken({ args: ['--yes'], heard }, { message });
    assert.equal(lines.at(-1), `left behind: ${message}`);
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/couchbaseclusters.couchbase.com';
    await client.json({ method: 'DELETE', path });
    await assertNothingLeft();
  });

  test('leaves the cordon of somebody who was faster', async () => {
    const { client } = rig;
    const cordon = (name: string, unschedulable: boolean | null) => {
      const contentType = 'application/merge-patch+json';
      return client.json({ method: 'PATCH', path: nodePath(name), contentType, body: { spec: { unschedulable } } });
    };
    const nodes = ['node-1', 'node-2'];
    // The pods stand there already, and the API answers in the order in which it is asked.
    const heard = (line: string) => {
      if (/ in place +cb-0000 /.test(line)) for (const name of nodes) void cordon(name, true);
    };
    // On connections that are open already, so that it is faster.
    await Promise.all(nodes.map((name) => cordon(name, null)));
    const message = /^node node-[12] has been cordoned by somebody else, and is left alone$/;
    await broken({ args: ['--yes'], heard }, { name: 'UsageError', message });
    assert.equal(JSON.stringify(await rig.state()).match(/"isCordoned":true/g)?.length, 2);
    for (const name of nodes) await cordon(name, null);
    await assertNothingLeft();
  });
});

test('a rehearsal on a cluster that exists fails where a marked pod counts as moved', async () => {
  const broken = await startRig(brokenBy('a marked pod counts as moved'));
  try {
    const { record } = await broken.rehearse({ args: ['--yes'], env: { RETRY_MS: '2000' } });
    const problems = record.checks.flatMap((check) => check.problems).join('\n');
    assert.match(problems, /^cb-\d+ was on node-\d when its drain had ended$/m);
    assert.match(problems, /^a drainer heard "moved" about cb-\d+ \(\w+\) while it was still on node-\d$/m);
    assert.match(problems, /^no drainer was told to wait for cb-\d+.* while it was still on node-\d$/m);
  } finally {
    await broken.stop();
  }
});
