import assert from 'node:assert/strict';
import { test } from 'node:test';
import { misselectionsOf } from '../../../src/policy/profiles/misselected.ts';
import { aPod, PROFILE, SETTINGS } from '../../support/builders.ts';

const wide = { ...SETTINGS, profiles: [{ ...PROFILE, selectors: [[{ op: 'exists', key: 'app' }]] } as const] };

for (const [labels, why] of [
  [{ app: 'couchbase' }, []],
  [{ app: 'vm', 'kubevirt.io': 'virt-launcher' }, ['KubeVirt']],
  [{ app: 'vm', 'kubevirt.io': 'virt-handler' }, []],
  [{ app: 'pg', 'cnpg.io/podRole': 'instance' }, ['CloudNativePG']],
  [{ app: 'pg', 'cnpg.io/podRole': 'pooler' }, []],
  [{ app: 'rook-ceph-osd' }, ['Rook']],
  [{ app: 'x', 'longhorn.io/component': 'instance-manager' }, ['Longhorn']],
  [{ 'kubevirt.io': 'virt-launcher' }, []],
] as const) {
  test(`${JSON.stringify(labels)}: ${why.join(', ') || 'nothing'}`, () =>
    assert.deepEqual(misselectionsOf(aPod({ labels }), wide), why));
}
