import { podPath } from '../../../src/kube/paths.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import type { Rig } from './rig.ts';
import { type Asked, startThirdParty } from './third-party.ts';

/** Somebody else's webhook on updates of the pods of one namespace, which can be told to hang. */
export interface SlowWebhook {
  /** Whether it answers. It does at first. */
  hangs: boolean;
  /** Updates that hang now, by pod, and the most at a time of one pod and of all. */
  readonly inFlight: ReadonlyMap<string, number>;
  readonly mostOfPod: number;
  readonly most: number;
  /** How many updates came while it hung. */
  readonly came: number;
  /** Answers those that hang, and from now on all at once. */
  release(): void;
}

/** Registers it with the longest timeout that there is, and waits until the API server asks it. `pod` exists. */
export async function startSlowWebhook(rig: Rig, namespace: string, pod: string): Promise<SlowWebhook> {
  const inFlight = new Map<string, number>();
  const held: (() => void)[] = [];
  const state = { hangs: false, inFlight, mostOfPod: 0, most: 0, came: 0, asked: 0 };
  const review = ({ name, answer, onClose }: Asked) => {
    state.asked++;
    if (!state.hangs) return answer();
    state.came++;
    const count = (change: number) => inFlight.set(name, (inFlight.get(name) ?? 0) + change);
    count(1);
    state.mostOfPod = Math.max(state.mostOfPod, inFlight.get(name) ?? 0);
    state.most = Math.max(
      state.most,
      inFlight.values().reduce((sum, one) => sum + one, 0),
    );
    onClose(() => count(-1));
    held.push(answer);
  };
  const resource = { group: '', version: 'v1', plural: 'pods' };
  await startThirdParty(rig, { what: 'slow', namespace, resource, timeoutSeconds: 30, review });
  await until('the slow webhook to be asked', async () => {
    const path = podPath(namespace, pod);
    const [contentType, query] = ['application/merge-patch+json', { dryRun: 'All' }];
    const body = { metadata: { annotations: { 'test/probe': `${performance.now()}` } } };
    await rig.client.json({ method: 'PATCH', path, query, contentType, body });
    if (state.asked === 0) throw new NotYet('not yet');
  });
  return Object.assign(state, {
    release() {
      state.hangs = false;
      for (const answer of held.splice(0)) answer();
    },
  });
}
