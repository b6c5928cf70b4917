import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Annotation } from '../../../rehearsal/operator/model.ts';
import { LOG } from '../../../src/log/messages.ts';
import { evict } from '../support/evict.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

/** What distinguishes the pods of a profile, and how its operator listens. `comesBack`: under the old name. */
interface Operator {
  readonly profile: string;
  readonly labels: Record<string, string>;
  readonly annotation: Annotation;
  readonly comesBack: boolean;
}

const ROLL = { key: 'strimzi.io/manual-rolling-update', value: 'true' };
const ARANGO = { app: 'arangodb', arango_deployment: 'db', role: 'dbserver' };
const OPERATORS: readonly Operator[] = [
  {
    profile: 'couchbase',
    labels: { app: 'couchbase', couchbase_cluster: 'cb' },
    annotation: { key: 'cao.couchbase.com/reschedule', value: 'true' },
    comesBack: true,
  },
  {
    profile: 'strimzi-kafka',
    labels: { 'strimzi.io/kind': 'Kafka', 'strimzi.io/component-type': 'kafka', 'strimzi.io/cluster': 'cb' },
    annotation: ROLL,
    comesBack: true,
  },
  {
    profile: 'strimzi-connect',
    labels: { 'strimzi.io/kind': 'KafkaConnect', 'strimzi.io/component-type': 'kafka-connect' },
    annotation: ROLL,
    comesBack: true,
  },
  {
    profile: 'aerospike',
    labels: { app: 'aerospike-cluster', 'aerospike.com/cr': 'cb' },
    annotation: { key: 'aerospike.com/eviction-blocked', value: '', isAny: true },
    comesBack: true,
  },
  {
    profile: 'arangodb',
    labels: ARANGO,
    annotation: { key: 'deployment.arangodb.com/rotate', value: '', isAny: true },
    comesBack: false,
  },
  {
    profile: 'es-operator',
    labels: { 'es-operator-dataset': 'cb' },
    annotation: { key: 'operator.zalando.org/draining', value: '', isAny: true },
    comesBack: true,
  },
];
const HOOK = {
  POD_NAMESPACE: SYSTEM_NAMESPACE,
  TRACKING_RESOURCE_TYPE: 'configmap',
  PROFILES: OPERATORS.map(({ profile }) => profile).join(','),
};

let rig: Rig;
let hook: RunningHook;

before(async () => {
  rig = await startRig();
  hook = await rig.hook('all', HOOK);
});

after(() => rig?.stop());

function scene({ profile, labels, annotation, comesBack }: Operator, suffix = ''): Promise<Scene> {
  const process = comesBack ? 'InPlaceUpgrade' : 'SwapRebalance';
  const namespace = `${profile}${suffix}`;
  return aScene({
    rig,
    hook: 'all',
    namespace,
    cluster: { process },
    operator: { annotation, labels: () => labels },
    pdb: false,
  });
}

describe('one hook, and the pods of six operators', { concurrency: 3 }, () => {
  for (const operator of OPERATORS) {
    const { profile, annotation, comesBack } = operator;
    test(`${profile}: kubectl drains the node, each member is marked for its operator and moves once`, async () => {
      const here = await scene(operator);
      const { code, stderr } = await here.drain(here.node(1));
      assert.equal(code, 0, stderr);
      assert.deepEqual(await here.podsOn(here.node(1)), []);
      assert.deepEqual(here.moves, ['cb-0000', 'cb-0001']);
      await here.assertNobodyEvicted();
      const names = (await here.pods()).map(({ name }) => name);
      assert.deepEqual(names, comesBack ? ['cb-0000', 'cb-0001'] : ['cb-0002', 'cb-0003']);
      for (const { annotations } of await here.pods()) assert.equal(annotations[annotation.key], undefined);
      const marked = hook.lines.filter((line) => line.message === LOG.marked && line.namespace === profile);
      assert.equal(marked.length, 2);
      // Nobody knows before whether an ArangoDB member keeps its name.
      const keys = Object.keys((await here.configMap())?.data ?? {});
      assert.deepEqual(keys.sort(), [`${profile}.cb-0000`, `${profile}.cb-0001`]);
    });
  }

  test('a mark of any value is one, and is never overwritten', async () => {
    const aerospike = OPERATORS.find(({ profile }) => profile === 'aerospike') as Operator;
    const here = await scene(aerospike, '-marked');
    await here.operator.pause();
    const path = `/api/v1/namespaces/${here.namespace}/pods/cb-0000`;
    const body = { metadata: { annotations: { [aerospike.annotation.key]: 'of its own webhook' } } };
    await rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
    const { code, message } = await evict(here, 'cb-0000');
    assert.equal(code, 429);
    assert.match(message, /Pod waiting to be rescheduled/);
    assert.equal((await here.pod('cb-0000'))?.annotations[aerospike.annotation.key], 'of its own webhook');
    assert.equal((await evict(here, 'cb-0001')).code, 429);
    assert.match(
      (await here.pod('cb-0001'))?.annotations[aerospike.annotation.key] ?? '',
      /^\d{4}-\d\d-\d\dT[\d:]{8}Z$/,
    );
  });

  test('a pod that no profile selects is evicted at once', async () => {
    const kafka = OPERATORS.find(({ profile }) => profile === 'strimzi-kafka') as Operator;
    const labels = { ...kafka.labels, 'strimzi.io/component-type': 'kafka-exporter' };
    const here = await scene({ ...kafka, labels }, '-exporter');
    assert.equal((await evict(here, 'cb-0000')).code, 201);
  });
});
