import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../../src/kube/errors.ts';
import { formatSelector, parseSelector } from '../../../src/policy/selector.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { meets, readSelector } from '../../fuzz/selector-oracle.ts';
import { LABELS, selectorTexts } from '../../fuzz/selectors.ts';
import { type Rig, startRig } from '../support/rig.ts';

const NAMESPACE = 'selectors';
const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

let rig: Rig;

before(async () => {
  rig = await startRig({ installCrd: false });
  await createNamespace(rig.client, NAMESPACE);
  for (const [i, labels] of LABELS.entries()) {
    const metadata = { name: `labels-${i}`, labels };
    await rig.client.json({ method: 'POST', path: PATH, body: { metadata } });
  }
});

after(() => rig?.stop());

/** Which of LABELS the API server selects; undefined where it refuses the selector. */
async function selected(labelSelector: string): Promise<number[] | undefined> {
  try {
    const { items } = await rig.client.json({ method: 'GET', path: PATH, query: { labelSelector } });
    const names = (items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
    return LABELS.flatMap((_, i) => (names.includes(`labels-${i}`) ? i : []));
  } catch (error) {
    if (error instanceof ApiError && error.code === 400) return undefined;
    throw error;
  }
}

describe('label selectors, on the real API server', () => {
  test('what the fuzzing takes for right is right, and so is what the hook writes', async () => {
    const texts = fc.sample(selectorTexts, { seed: 1, numRuns: 600 });
    // Of no use to the hook, so no part of its grammar: an empty one, and numbers that are compared.
    const asked = texts.filter((text) => text.trim() !== '' && !/[<>]/.test(text));
    let read = 0;
    for (const text of asked) {
      const wanted = readSelector(text);
      const labels = LABELS.map((one) => new Map(Object.entries(one)));
      const expected = wanted && labels.flatMap((one, i) => (meets(wanted, one) ? i : []));
      assert.deepEqual(await selected(text), expected, JSON.stringify(text));
      if (expected === undefined) continue;
      read++;
      assert.deepEqual(await selected(formatSelector(parseSelector(text))), expected, JSON.stringify(text));
    }
    assert.ok(read > 50 && read < asked.length - 50, `${read} of ${asked.length} could be read`);
  });
});
