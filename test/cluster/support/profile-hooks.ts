import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { installDefinitions, startedSite } from '../../../rehearsal/venues/new-cluster.ts';
import type { Venue } from '../../../rehearsal/venues/venue.ts';
import { namespacePath, nodePath } from '../../../src/kube/paths.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { type HookProcess, startHook } from '../../../testkit/hook-process.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import { HOOK_LABEL, type Rig } from './rig.ts';
import { addNode } from './scene.ts';

/** Much shorter than that of any operator in life. */
const PERIOD_MS = 300;
/** They select what `arangodb` and `foundationdb` select, and would never count beside these. */
const ALONE: readonly string[] = ['arangodb-replace', 'foundationdb-taints'];

/** A hook that several rehearsals share; each hears all that it says. */
interface SharedHook {
  readonly name: string;
  readonly user: string;
  readonly process: HookProcess;
  readonly listeners: Set<(line: LogLine) => void>;
}

/** One hook for almost all built-in profiles, and one for those that select what others of them do. */
export class ProfileHooks {
  readonly #rig: Rig;
  readonly #hooks: readonly SharedHook[];

  private constructor(rig: Rig, hooks: readonly SharedHook[]) {
    this.#rig = rig;
    this.#hooks = hooks;
  }

  static async start(rig: Rig): Promise<ProfileHooks> {
    const together = MODELS.map(({ profile }) => profile).filter((name) => !ALONE.includes(name));
    return new ProfileHooks(rig, await Promise.all([aHook(rig, 'together', together), aHook(rig, 'alone', ALONE)]));
  }

  /** Nodes and a namespace of its own, so that many drains can be rehearsed beside each other. */
  venue(model: OperatorModel, place: string): Venue {
    const rig = this.#rig;
    const name = ALONE.includes(model.profile) ? 'alone' : 'together';
    const shared = this.#hooks.find((one) => one.name === name);
    assert.ok(shared);
    return {
      atOnce: 1,
      async open({ nodes: count, onHookLine, log, signal }, cleanup) {
        const { controlPlane, client } = rig;
        const nodes = Array.from({ length: count }, (_, i) => `${place}-${i + 1}`);
        await Promise.all(nodes.map((node) => addNode(rig, node, place, false)));
        await installDefinitions(client, model, signal);
        shared.listeners.add(onHookLine);
        cleanup.defer(async () => void shared.listeners.delete(onHookLine));
        await createNamespace(client, place, { [HOOK_LABEL]: name });
        cleanup.defer(() => remove(rig, place, nodes));
        return startedSite({
          cluster: { ...controlPlane, nodes },
          client,
          hook: shared.process,
          hookUser: shared.user,
          namespace: place,
          nodeSelector: { pool: place },
          periodMs: PERIOD_MS,
          model,
          trackerPath: namespacePath(place),
          log,
        });
      },
    };
  }
}

async function aHook(rig: Rig, name: string, profiles: readonly string[]): Promise<SharedHook> {
  const { controlPlane, authority, access } = rig;
  const env = { PROFILES: profiles.join(','), TRACKING_RESOURCE_TYPE: 'namespace' };
  const dir = join(controlPlane.dir, name);
  const files = await writeServing(dir, await authority.issue());
  const kubeconfigPath = join(dir, 'hook.kubeconfig');
  const token = await access.token(env);
  const config = kubeconfig(controlPlane.server, controlPlane.caData, token);
  await writeFile(kubeconfigPath, config);
  const listeners = new Set<(line: LogLine) => void>();
  const onLine = (line: LogLine) => {
    for (const listener of listeners) listener(line);
  };
  const process = await startHook({ kubeconfigPath, files, env, onLine });
  rig.atStop(async () => void (await process.stop()));
  await rig.register(name, process.url);
  return { name, user: userOf(token), process, listeners };
}

/** The token of a ServiceAccount names it. */
function userOf(token: string): string {
  const [, claims = ''] = token.split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).sub;
}

/**
 * So that a hundred rehearsals do not leave three hundred nodes. Their pods would stay for as long as the namespace. What
 * cannot be removed goes with the control plane.
 */
async function remove({ client }: Rig, place: string, nodes: readonly string[]): Promise<void> {
  const paths = [`${namespacePath(place)}/pods`, namespacePath(place), ...nodes.map(nodePath)];
  const body = { gracePeriodSeconds: 0 };
  for (const path of paths) await client.json({ method: 'DELETE', path, body }).catch(() => undefined);
}
