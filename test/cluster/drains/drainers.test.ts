import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DRAINERS } from '../../../rehearsal/drainers/models/index.ts';
import { chosenKubernetes } from '../../../testkit/control-plane/versions.ts';
import { wrongAtLimit } from '../../drainers/expected.ts';
import { KINDS } from '../../drainers/kinds.ts';
import { readResults } from '../../drainers/results.ts';
import { subjectOf } from '../../drainers/subject.ts';
import { type Doing, drainsOf, limitedOf, limitsOf, type Task } from '../../drainers/tasks.ts';
import { ProfileHooks } from '../support/profile-hooks.ts';
import { type Rig, startRig } from '../support/rig.ts';

/** Each way of asking, each kind of profile, and each end of a limit once; `npm run drainers` plays all. */
const PLAYED: readonly string[] = [
  'kured couchbase',
  'openshift-mco vitess-tablet',
  'cluster-api tidb-v1-tikv',
  'gardener-volumes arangodb-replace',
  'karpenter-limit foundationdb-taints',
  'eks pgo-primary',
  'cluster-api-skip couchbase',
  'gke',
  'cluster-autoscaler-1.34',
];
const AT_ONCE = 5;

let rig: Rig;
let hooks: ProfileHooks;

before(async () => {
  rig = await startRig({ installCrd: false });
  hooks = await ProfileHooks.start(rig);
});
after(() => rig?.stop());

const all: readonly Task[] = [...drainsOf(DRAINERS.map(subjectOf), KINDS), ...limitsOf(limitedOf(DRAINERS))];
const written = readResults();

describe('docs/drainers.md says what happens', { concurrency: AT_ONCE }, () => {
  for (const wanted of PLAYED) {
    test(wanted, async ({ signal }) => {
      const task = all.find(({ key }) => key === wanted);
      assert.ok(task);
      const said = { progress: () => undefined, onShown: () => undefined };
      const doing: Doing = { hooks, kubernetes: chosenKubernetes(), atOnce: 1, signal, ...said };
      const { drains, limits } = await task.play(doing);
      for (const { drainer, profile, end, pods, problems } of drains) {
        const said = written.drains.find((one) => one.drainer === drainer && one.profile === profile);
        assert.deepEqual({ end, pods, problems }, { end: said?.end, pods: said?.pods, problems: [] });
      }
      for (const seen of limits) {
        const { drainer, end, pods, nodeIsBack } = seen;
        const said = written.limits.find((one) => one.drainer === drainer);
        assert.deepEqual({ end, pods, nodeIsBack }, { end: said?.end, pods: said?.pods, nodeIsBack: said?.nodeIsBack });
        assert.deepEqual(wrongAtLimit(seen), []);
      }
    });
  }
});
