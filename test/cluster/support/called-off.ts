import { podPath } from '../../../src/kube/paths.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { evict, metric } from './evict.ts';
import type { Scene } from './scene.ts';
import { RESCHEDULE } from './ward.ts';

/** To be set for the hook, so that a wait of minutes can be left out. */
export const HASTY = { NODE_OPTIONS: `--import=${new URL('./hasty-clock.ts', import.meta.url).href}` };

/** A drain that is called off before the operator has acted: the node is free again, and the marks are taken away by hand. */
export async function callOff(scene: Scene, members: readonly string[]): Promise<void> {
  await scene.operator.pause();
  await scene.cordon(scene.node(1));
  for (const member of members) {
    await scene.until(`${member} to be marked`, async () => {
      await evict(scene, member);
      return (await scene.pod(member))?.annotations[RESCHEDULE] === 'true';
    });
  }
  await scene.cordon(scene.node(1), false);
  const body = { metadata: { annotations: { [RESCHEDULE]: null } } };
  const contentType = 'application/merge-patch+json';
  for (const member of members) {
    const path = podPath(scene.namespace, member);
    await scene.rig.client.json({ method: 'PATCH', path, contentType, body });
  }
}

/** Lets the hook look at its entries, lets the time pass after which a withdrawn one goes, and lets it look again. */
export async function letWithdrawnPass(scene: Scene, hook: HookProcess, count: number): Promise<void> {
  await scene.until('the hook to see that the marks are gone', async () => {
    return (await metric(hook, 'reschedule_hook_entries', /withdrawn/)) === count;
  });
  const looks = () => metric(hook, 'reschedule_hook_reconciles_total', /tracker/);
  const before = await looks();
  await wake(scene);
  await untilTrue('a look at the entries', async () => (await looks()) > before);
  await putClockOn(hook);
  await wake(scene);
}

/** By three minutes, of a hook that is `HASTY`. */
export async function putClockOn(hook: HookProcess): Promise<void> {
  const since = hook.lines.length;
  hook.kill('SIGUSR2');
  await hook.waitForLine(({ message }) => message === 'the clock was put on', { since });
}

/** A node that changes has the entries of its pods looked at. */
async function wake(scene: Scene): Promise<void> {
  const node = scene.node(1);
  await scene.cordon(node);
  await scene.cordon(node, false);
}
