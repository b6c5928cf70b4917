import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from '../../../../rehearsal/embedded-api/cluster.ts';
import type { RehearsalRecord } from '../../../../rehearsal/evidence/record.ts';
import { readOptions } from '../../../../rehearsal/options.ts';
import { rehearse } from '../../../../rehearsal/rehearse.ts';
import { scenariosFor, venueFor } from '../../../../rehearsal/selection.ts';
import { plainView } from '../../../../rehearsal/terminal/view.ts';
import type { ApiClient } from '../../../../src/kube/client.ts';
import { createAuthority, writeServing } from '../../../../testkit/certificates.ts';
import { Cleanup } from '../../../../testkit/cleanup.ts';
import { connect } from '../../../../testkit/connect.ts';
import { startHook } from '../../../../testkit/hook-process.ts';
import { registerWebhook } from '../../../../testkit/webhook-registration.ts';

const FAKE_KUBECTL = fileURLToPath(new URL('./fake-kubectl.ts', import.meta.url));

/** An embedded cluster with a hook in it that was there before, as the rehearsal on any cluster finds it. */
export interface Rig {
  readonly client: ApiClient;
  readonly hook: { readonly url: string; readonly caBundle: string };
  /** Rehearses there; `heard` is given every line as it is told. */
  rehearse(wanted?: Wanted): Promise<{ record: RehearsalRecord; lines: readonly string[] }>;
  /** What a rehearsal could leave behind, and who else's things it could change: names, cordons, annotations of nodes. */
  state(): Promise<unknown>;
  stop(): Promise<void>;
}

export interface Wanted {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ask?: (question: string) => Promise<boolean>;
  readonly signal?: AbortSignal;
  readonly heard?: (line: string) => void;
}

/** `env`: settings of the hook. */
export async function startRig(env: Readonly<Record<string, string>> = {}): Promise<Rig> {
  const cleanup = new Cleanup();
  const cluster = await startEmbedded({ nodes: 3 });
  cleanup.defer(() => cluster.stop());
  const { client, close } = await connect(cluster.kubeconfigPath);
  cleanup.defer(close);
  const authority = await createAuthority();
  const files = await writeServing(join(cluster.dir, 'hook'), await authority.issue());
  const process = await startHook({ kubeconfigPath: cluster.kubeconfigPath, files, env });
  cleanup.defer(() => process.stop());
  const hook = { url: process.url, caBundle: authority.caBundle };
  await registerWebhook(client, { urls: [hook.url], caBundle: hook.caBundle });
  const bin = await mkdtemp(join(tmpdir(), 'fake-kubectl-'));
  cleanup.defer(() => rm(bin, { recursive: true, force: true }));
  await writeKubectl(bin);

  return {
    client,
    hook,
    state: () => stateOf(client),
    stop: () => cleanup.run(),
    async rehearse({ args = [], env = {}, ask, signal = AbortSignal.timeout(300_000), heard } = {}) {
      const where = ['--context=embedded', `--kubeconfig=${cluster.kubeconfigPath}`, '--node=node-1', '--node=node-2'];
      const options = readOptions([...where, '--period=100ms', ...args]);
      const [scenario] = scenariosFor(options);
      if (scenario === undefined) throw new Error('no scenario');
      const venue = venueFor(options, { ask, env: { PATH: bin, ...env }, answerWithinMs: 1_000 });
      const lines: string[] = [];
      const view = plainView((line) => {
        lines.push(line);
        heard?.(line);
      });
      return { record: await rehearse(scenario, venue, view, signal), lines };
    },
  };
}

async function writeKubectl(folder: string): Promise<void> {
  const file = join(folder, 'kubectl');
  await writeFile(file, `#!/bin/sh\nexec "${process.execPath}" "${FAKE_KUBECTL}" "$@"\n`);
  await chmod(file, 0o755);
}

async function stateOf(client: ApiClient): Promise<unknown> {
  const list = async (path: string) => {
    const { items } = await client.json({ method: 'GET', path });
    return items as readonly { metadata: { name: string; annotations?: object }; spec?: { unschedulable?: boolean } }[];
  };
  const names = async (path: string) => (await list(path)).map(({ metadata }) => metadata.name);
  return {
    namespaces: await names('/api/v1/namespaces'),
    definitions: await names('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
    nodes: (await list('/api/v1/nodes')).map(({ metadata, spec }) => ({
      name: metadata.name,
      isCordoned: spec?.unschedulable === true,
      annotations: metadata.annotations ?? {},
    })),
  };
}
