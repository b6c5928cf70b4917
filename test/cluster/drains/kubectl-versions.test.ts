import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findAssets } from '../../../testkit/control-plane/assets.ts';
import { chosenKubernetes, kubernetesVersions, minorOf } from '../../../testkit/control-plane/versions.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, DRAIN_ARGS } from '../support/scene.ts';

/*
 * kubectl may be one minor older or newer than the API server (Kubernetes' version skew policy). Its own version is always
 * there, those beside it where they have been built: `npm test -- --kubernetes all` builds them before the tests.
 */
const SERVER = chosenKubernetes();
const ALLOWED = kubernetesVersions().filter((version) => Math.abs(minorOf(version) - minorOf(SERVER)) <= 1);

let rig: Rig;

before(async () => {
  rig = await startRig();
  await rig.hook('skew');
});

after(() => rig?.stop());

describe(`kubectl against an API server of ${SERVER}`, () => {
  for (const version of ALLOWED) {
    const found = findAssets(version);
    if (found.state !== 'ready' && version !== SERVER) {
      console.log(`kubectl ${version} has not been built here, and was not tried`);
      continue;
    }

    for (const process of ['InPlaceUpgrade', 'SwapRebalance'] as const) {
      test(`${version} drains a node, and each member moves once: ${process}`, async () => {
        assert.ok(found.state === 'ready', 'why' in found ? found.why : '');
        const kubectl = rig.controlPlane.kubectlFrom(found.assets.kubectl);
        const namespace = `skew-${version.replace('.', '-')}-${process.toLowerCase()}`;
        await using scene = await aScene({ rig, hook: 'skew', namespace, size: 3, cluster: { process } });
        const { stdout } = await kubectl(['version', '--output=json']);
        const { clientVersion, serverVersion } = JSON.parse(stdout);
        assert.deepEqual(
          [clientVersion, serverVersion].map(({ gitVersion }) => gitVersion.split('.').slice(0, 2).join('.')),
          [`v${version}`, `v${SERVER}`],
        );

        const drained = await kubectl(['drain', scene.node(1), ...DRAIN_ARGS]);

        assert.equal(drained.code, 0, drained.stderr);
        assert.deepEqual(await scene.podsOn(scene.node(1)), []);
        assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001', 'cb-0002']);
        await scene.assertNobodyEvicted();
      });
    }
  }
});
