import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InstallationReconciler } from '../../src/controller/installation.ts';
import { createReads } from '../../src/kube/reads.ts';
import { LOG } from '../../src/log/messages.ts';
import { FakeApi, refusal } from '../support/api.ts';
import { aLog } from '../support/log.ts';

const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/typo';
const LABELS = { 'app.kubernetes.io/name': 'reschedule-hook' };
const MINUTE = 60_000;

function aLook() {
  const api = new FakeApi();
  const log = aLog();
  const reconciler = new InstallationReconciler({ reads: createReads(api), registration: 'typo', log });
  const register = (labels: Record<string, string>) => api.put(PATH, { metadata: { name: 'typo', uid: 'u', labels } });
  return { api, log, register, look: () => reconciler.reconcile('installation', new AbortController().signal) };
}

describe('InstallationReconciler', () => {
  test('warns once if there is no such registration, and says when there is one', async () => {
    const { log, look, register, api } = aLook();
    assert.deepEqual(await look(), { requeueAfterMs: MINUTE });
    await look();
    const fields = { registration: 'typo', label: 'app.kubernetes.io/name=reschedule-hook' };
    assert.deepEqual(log.lines.splice(0), [{ level: 'warn', message: LOG.installationMissing, fields }]);
    register(LABELS);
    await look();
    await look();
    assert.deepEqual(log.lines.splice(0), [
      { level: 'info', message: LOG.installationFound, fields: { registration: 'typo' } },
    ]);
    api.objects.delete(PATH);
    await look();
    assert.deepEqual(log.messages('warn'), [LOG.installationMissing]);
  });

  test('says nothing if all is well from the start', async () => {
    const { log, look, register } = aLook();
    register(LABELS);
    assert.deepEqual(await look(), { requeueAfterMs: MINUTE });
    assert.deepEqual(log.lines, []);
  });

  test('a registration without the label is not found by other installations either', async () => {
    const { log, look, register } = aLook();
    register({});
    await look();
    assert.deepEqual(log.messages('warn'), [LOG.installationMissing]);
  });

  test('what cannot be read is not missing: a right that is missing is reported elsewhere, the rest is tried again', async () => {
    const { log, look, api } = aLook();
    api.before = () => {
      throw refusal(403);
    };
    assert.deepEqual(await look(), { requeueAfterMs: MINUTE });
    api.before = () => {
      throw refusal(503);
    };
    await assert.rejects(look(), { code: 503 });
    assert.deepEqual(log.lines, []);
  });
});
