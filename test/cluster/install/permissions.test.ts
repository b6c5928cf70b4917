import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LOG } from '../../../src/log/messages.ts';
import { installClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { askHook, newAgent } from '../support/asking.ts';
import { MARKED, untilInTime } from '../support/evict.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { prepareHook, startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aWard } from '../support/ward.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

let rig: Rig;

before(async () => {
  rig = await startRig();
  // The role exists from now on.
  await rig.access.token();
});

after(() => rig?.stop());

async function patchRole(patch: readonly object[]): Promise<void> {
  await rig.client.json({
    method: 'PATCH',
    path: `${RBAC}/clusterroles/reschedule-hook.${SYSTEM_NAMESPACE}-certificate-files`,
    contentType: 'application/json-patch+json',
    body: patch,
  });
}

async function readyz(hook: HookProcess): Promise<string> {
  const response = await fetch(`${hook.healthUrl}/readyz`);
  return `${response.status} ${(await response.text()).trim()}`;
}

/** The value of one series, as it is scraped. */
async function metric(hook: HookProcess, series: string): Promise<string | undefined> {
  const text = await (await fetch(`${hook.healthUrl}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line?.slice(series.length + 1);
}

const profile = (name: string, more = '') =>
  `- {name: ${name}, selector: app=${name}, mark: {annotation: ${name}.example/move, value: "true"}, names: new, tracking: off${more}}\n`;
const ON_NAMESPACES =
  '- {name: entries, selector: app=entries, mark: {annotation: a/b, value: "true"}, names: reused, tracking: namespace}\n';
const KAFKAS = { group: 'kafka.strimzi.io', version: 'v1', kind: 'Kafka', plural: 'kafkas' };

describe('PROFILES_FILE, on the real API server', () => {
  test('is followed; what it says wrong, or lacks a right for, leaves the last good one in force', async () => {
    const { client, controlPlane } = rig;
    await installClusterDefinition(client, KAFKAS);
    const file = join(controlPlane.dir, 'profiles.yaml');
    const write = async (...profiles: string[]) => {
      await writeFile(`${file}.new`, `profiles:\n${profiles.join('')}`);
      await rename(`${file}.new`, file);
    };
    await write(profile('first'));
    const hook = await prepareHook(rig, 'follower', { env: { PROFILES_FILE: file } });
    const ward = await aWard(rig, 'follower', { pods: [] });
    const labels = { app: 'second', 'strimzi.io/cluster': 'k' };
    await createPod(client, { namespace: ward.namespace, name: 'second', node: ward.node, labels });
    await hook.start();
    const dispatcher = newAgent();
    rig.atStop(() => dispatcher.destroy());
    const ask = () => untilInTime(() => askHook(dispatcher, hook, ward.namespace, 'second'));
    const refused = (what: RegExp) =>
      hook.waitForLine(({ message, problem }) => message === LOG.profilesRefused && what.test(String(problem)));

    await write(profile('first'), ON_NAMESPACES);
    await refused(/^permissions are missing: .*patch namespaces$/);
    await write(profile('first'), '- {name: second, selector: app=second}\n');
    await refused(/profiles\.yaml:3 second\.mark is missing/);
    assert.equal(await metric(hook, 'reschedule_hook_profiles_file_in_force'), '0');
    assert.match(await (await fetch(`${hook.healthUrl}/readyz?verbose`)).text(), /PROFILES_FILE is not in force: .*:3/);
    assert.equal((await ask()).code, 200, 'nobody protects it yet');

    const paused = `{at: "metadata.annotations[strimzi.io/pause-reconciliation]", is: "true", word: ReconciliationPaused}`;
    const hindrance = `{kind: Kafka, resource: kafkas.kafka.strimzi.io, label: strimzi.io/cluster, reports: [${paused}]}`;
    await write(profile('second', `, hindrance: ${hindrance}`));
    const changed = await hook.waitForLine(({ message }) => message === LOG.profilesChanged);
    assert.deepEqual([changed.profiles, changed.leaving], ['second', 'first']);
    assert.match((await ask()).message, MARKED);
    assert.equal(await metric(hook, 'reschedule_hook_profiles_file_in_force'), '1');
    await hook.waitForLine(({ permission }) => permission === 'list kafkas.kafka.strimzi.io');

    const rules = {
      op: 'add',
      path: '/rules/-',
      value: { apiGroups: ['kafka.strimzi.io'], resources: ['kafkas'], verbs: ['list', 'watch'] },
    };
    await patchRole([rules]);
    const metadata = { name: 'k', annotations: { 'strimzi.io/pause-reconciliation': 'true' } };
    await client.json({
      method: 'POST',
      path: `/apis/kafka.strimzi.io/v1/namespaces/${ward.namespace}/kafkas`,
      body: { apiVersion: 'kafka.strimzi.io/v1', kind: 'Kafka', metadata, spec: { size: 1 } },
    });
    await until('the hindrance in the message', async () => {
      const { message } = await ask();
      if (!message.includes('Kafka k reports ReconciliationPaused')) throw new NotYet(message);
    });
  });
});

describe('missing permissions, on the real API server', () => {
  test('are named at start, each with the rule that would grant it; those that answers need keep the hook unready until they are there', async () => {
    const events = { op: 'remove', path: '/rules/2' };
    await patchRole([{ op: 'replace', path: '/rules/0/verbs', value: ['get', 'list', 'watch'] }, events]);
    const hook = await prepareHook(rig, 'short');
    const { ready } = await startUnready(hook);
    const missing = await hook.waitForLine(({ permission }) => permission === 'create events');
    assert.equal(missing.message, LOG.permissionMissing);
    assert.equal(missing.level, 'warn', 'no answer needs it');
    assert.equal(missing.rule, '{apiGroups: [""], resources: ["events"], verbs: ["create"]}');
    await hook.waitForLine(({ message }) => message === LOG.synced);
    assert.equal(await readyz(hook), '503 not ready: permissions are missing: patch pods');

    await patchRole([{ op: 'replace', path: '/rules/0/verbs', value: ['get', 'list', 'watch', 'patch'] }]);
    await ready;
    assert.equal(await metric(hook, 'reschedule_hook_permissions_missing{purpose="upkeep"}'), '1');
    await patchRole([
      { op: 'add', path: '/rules/2', value: { apiGroups: [''], resources: ['events'], verbs: ['create'] } },
    ]);
    await hook.waitForLine(({ message }) => message === LOG.permissionsGranted);
    const named = hook.lines.filter(({ message }) => message === LOG.permissionMissing);
    assert.deepEqual(
      named.map(({ permission }) => permission),
      ['patch pods', 'create events'],
    );
  });

  test('a cache that may not list pods: the answer says so, and so do the log and the metrics', async () => {
    await patchRole([{ op: 'replace', path: '/rules/0/verbs', value: ['get', 'patch'] }]);
    const hook = await prepareHook(rig, 'listless');
    const ward = await aWard(rig, 'listless');
    await ward.addPod('unseen');
    const { ready } = await startUnready(hook);
    await hook.waitForLine(({ message, kind }) => message === LOG.watchInterrupted && kind === 'pods');
    const dispatcher = newAgent();
    rig.atStop(() => dispatcher.destroy());
    for (let i = 0; i < 2; i++) {
      const { code, message } = await untilInTime(() => askHook(dispatcher, hook, ward.namespace, 'unseen'));
      const cause = "the hook's cache has not synced: it may not list pods";
      assert.deepEqual([code, message], [429, `Pod waiting to be rescheduled (${cause})`]);
    }
    const line = await hook.waitForLine(({ message, level }) => message === LOG.doubt && level === 'debug');
    assert.equal(line.reason, 'CacheUnsynced');
    assert.equal(hook.lines.filter(({ message, level }) => message === LOG.doubt && level === 'warn').length, 1);
    assert.equal(await metric(hook, 'reschedule_hook_cache_synced{kind="pods"}'), '0');
    const decided = 'reschedule_hook_decisions_total{kind="deny",reason="CacheUnsynced",profile="couchbase"}';
    assert.equal(await metric(hook, decided), '2');
    assert.match(await readyz(hook), /^503 not ready: permissions are missing: list pods, watch pods$/);

    await patchRole([{ op: 'replace', path: '/rules/0/verbs', value: ['get', 'list', 'watch', 'patch'] }]);
    await ready;
    const { message } = await untilInTime(() => askHook(dispatcher, hook, ward.namespace, 'unseen'));
    assert.match(message, MARKED);
  });

  test('a cluster that lets nobody ask about permissions: said, and the hook is ready all the same', async () => {
    const path = `${RBAC}/clusterrolebindings/system:basic-user`;
    await rig.client.json({ method: 'DELETE', path });
    await until('nobody to be let ask', async () => {
      const resourceAttributes = {
        verb: 'create',
        group: 'authorization.k8s.io',
        resource: 'selfsubjectaccessreviews',
      };
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: 'nobody', groups: ['system:authenticated'], resourceAttributes },
      };
      const asked = { method: 'POST', path: '/apis/authorization.k8s.io/v1/subjectaccessreviews', body } as const;
      const { allowed } = (await rig.client.json(asked)).status as { allowed: boolean };
      if (allowed) throw new NotYet('allowed');
    });
    const hook = await prepareHook(rig, 'unknown');
    await hook.start();
    assert.equal(await readyz(hook), '200 ok');
    const line = await hook.waitForLine(({ message }) => message === LOG.permissionsUnknown);
    assert.match(String(line.error), /403 selfsubjectaccessreviews.authorization.k8s.io is forbidden/);
  });
});
