import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  installClusterDefinition,
  type ResourceKind,
  removeClusterDefinition,
} from '../../../../testkit/couchbase/couchbasecluster-crd.ts';
import { type Rig, startRig } from './rig.ts';

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/reschedule-hook';
const STAND_INS: ResourceKind = {
  group: 'rehearsal.reschedule.hook',
  version: 'v1',
  kind: 'StandInCluster',
  plural: 'standinclusters',
};

let rig: Rig;

/** A hook that keeps its entries on the Namespace, and the Deployment that says so. */
before(async () => {
  rig = await startRig({ TRACKING_RESOURCE_TYPE: 'namespace' });
  const { client } = rig;
  await client.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'system' } } });
  const labels = { app: 'hook' };
  const env = [{ name: 'TRACKING_RESOURCE_TYPE', value: 'namespace' }];
  const template = { metadata: { labels }, spec: { containers: [{ name: 'hook', image: 'hook', env }] } };
  const spec = { replicas: 0, selector: { matchLabels: labels }, template };
  const path = '/apis/apps/v1/namespaces/system/deployments';
  await client.json({ method: 'POST', path, body: { metadata: { name: 'hook' }, spec } });
  // Nobody resolves Services here: this one names the Deployment, the one by URL answers.
  const { webhooks } = await client.json({ method: 'GET', path: REGISTRATION });
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['limitranges'], scope: '*' };
  const named = {
    name: 'hook.system.svc',
    clientConfig: { service: { namespace: 'system', name: 'hook' } },
    rules: [rule],
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
  };
  const body = { webhooks: [...(webhooks as readonly object[]), named] };
  await client.json({ method: 'PATCH', path: REGISTRATION, contentType: 'application/merge-patch+json', body });
});
after(() => rig?.stop());

test('a hook that tracks by Namespace is rehearsed with a kind that nobody acts on, beside CouchbaseClusters', async () => {
  // As on a cluster where Couchbase runs.
  await installClusterDefinition(rig.client);
  const state = await rig.state();
  const { record, lines } = await rig.rehearse({ args: ['--yes'] });
  assert.match(lines.join('\n'), /and the definition standinclusters\.rehearsal\.reschedule\.hook\n/);
  assert.equal(record.holds, true, lines.join('\n'));
  assert.deepEqual(await rig.state(), state);
  await removeClusterDefinition(rig.client);
});

test('one rehearsal at a time: the definition of another is left alone', async () => {
  await installClusterDefinition(rig.client, STAND_INS);
  const state = await rig.state();
  await assert.rejects(rig.rehearse({ args: ['--yes'] }), {
    name: 'UsageError',
    message:
      'standinclusters.rehearsal.reschedule.hook exists: another rehearsal is under way, or was ended by force ' +
      '(then delete the definition)',
  });
  assert.deepEqual(await rig.state(), state);
});
