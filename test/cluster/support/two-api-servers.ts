import { KubeConfig } from '@kubernetes/client-node';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { type Balancer, startBalancer } from '../../../testkit/balancer.ts';
import { connectBy } from '../../../testkit/connect.ts';
import { findAssets } from '../../../testkit/control-plane/assets.ts';
import type { ApiServer, ControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { chosenKubernetes, kubernetesVersions, minorOf } from '../../../testkit/control-plane/versions.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { metric } from './evict.ts';
import { type Rig, startRig } from './rig.ts';

/** An API server, and a client that reaches it alone. */
export interface Reached extends ApiServer {
  readonly client: ApiClient;
}

/** Says how many nodes somebody knows of. */
export type Knows = () => Promise<number>;

/** Without a lag a watch may be a write or two behind, and never so many. */
export const WRITES_BEHIND = 5;

/**
 * Two API servers on one etcd, and a rig whose client and hooks reach them through a balancer. The second one is of the
 * version before where that has been built. It reaches etcd through a proxy, so it can be made to lag.
 *
 * Nodes are added to show who is behind. Nobody uses them, and none ever goes, so how many somebody knows says how far it is.
 */
export class TwoApiServers {
  readonly rig: Rig;
  readonly one: Reached;
  readonly two: Reached;
  readonly balancer: Balancer;
  /** Between the second API server and etcd. */
  readonly etcd: TcpProxy;
  #added = 0;

  private constructor(
    rig: Rig,
    { one, two, balancer, etcd }: Pick<TwoApiServers, 'one' | 'two' | 'balancer' | 'etcd'>,
  ) {
    this.rig = rig;
    this.one = one;
    this.two = two;
    this.balancer = balancer;
    this.etcd = etcd;
  }

  /** Everything begins on the first one. */
  static async start(): Promise<TwoApiServers> {
    let parts: Parts | undefined;
    const rig = await startRig({
      controlPlane: { schedulerRestarts: Number.POSITIVE_INFINITY },
      through: async (controlPlane) => {
        parts = await addSecond(controlPlane);
        return `https://127.0.0.1:${parts.balancer.port}`;
      },
    });
    const { etcd, balancer, one, two, close } = parts as Parts;
    rig.atStop(close);
    return new TwoApiServers(rig, { etcd, balancer, one, two });
  }

  /** New connections go to these, and the old ones end. What is open after that is open there. */
  moveTo(...servers: readonly ApiServer[]): void {
    this.balancer.use(servers.map(({ port }) => port));
    this.balancer.reset();
  }

  /** The same, and waits until each of them has heard of a node that is new since. */
  async moveAndHear(servers: readonly ApiServer[], ...hooks: readonly HookProcess[]): Promise<void> {
    this.moveTo(...servers);
    await until('a node to be added', () => this.#addNode());
    await this.untilTold(...hooks.map(knownToHook));
  }

  /**
   * Waits until the second server and `others` are behind the first one by many writes. They are compared with what the
   * first one tells its watches.
   */
  async untilBehind(...others: readonly Knows[]): Promise<void> {
    const probe = async () => {
      let last = '';
      for (let i = 0; i < WRITES_BEHIND; i++) last = await this.#addNode();
      const told = await until('the first server to tell of it', () => this.#toldOf(last));
      const behind = (await this.#known(others)).map((known) => told - known);
      if (Math.min(...behind) < WRITES_BEHIND) throw new NotYet(`behind by ${behind.join(', ')} writes`);
    };
    await until('the second API server to lag', probe);
  }

  /** Waits until the second server and `others` know all that the first one does now. */
  async untilTold(...others: readonly Knows[]): Promise<void> {
    const told = await until('what the first server tells', () => knownTo(this.one));
    const probe = async () => {
      const known = await this.#known(others);
      if (Math.min(...known) < told) throw new NotYet(`${known.join(', ')} nodes of ${told} are known`);
    };
    await until('all to be told', probe);
  }

  /**
   * While `work` goes on, what the second server hears of etcd, and what it asks etcd, arrives so much later. It is felt
   * before and after, also by `others`: see `untilBehind`.
   */
  async late(ms: number, others: readonly Knows[], work: () => Promise<void>): Promise<void> {
    this.etcd.delay(ms);
    await this.#lagging(others, work);
    this.etcd.pass();
    await this.untilTold(...others);
  }

  /** While `work` goes on, the second server hears nothing of etcd. Reads there hang, and its watches stay where they are. */
  async frozen(others: readonly Knows[], work: () => Promise<void>): Promise<void> {
    this.etcd.freeze();
    await this.#lagging(others, work);
    this.etcd.release();
    await this.untilTold(...others);
  }

  async #lagging(others: readonly Knows[], work: () => Promise<void>): Promise<void> {
    await this.untilBehind(...others);
    await work();
    await this.untilBehind(...others);
  }

  /** Each of them is replaced while the other one serves, as in an upgrade of the control plane. */
  async rollingRestart(): Promise<void> {
    const { one, two, balancer } = this;
    for (const [server, other] of [
      [two, one],
      [one, two],
    ] as const) {
      balancer.use([other.port]);
      await server.stop();
      await server.start();
      balancer.use([one.port, two.port]);
    }
  }

  #known(others: readonly Knows[]): Promise<number[]> {
    return Promise.all([knownTo(this.two), ...others.map((knows) => knows())]);
  }

  async #addNode(): Promise<string> {
    const name = `witness-${++this.#added}`;
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
    await this.one.client.json({ method: 'POST', path: '/api/v1/nodes', body });
    return name;
  }

  async #toldOf(name: string): Promise<number> {
    const nodes = await nodesIn(this.one.client);
    if (!nodes.some(({ metadata }) => (metadata as { name: string }).name === name)) throw new NotYet('not yet');
    return nodes.length;
  }
}

/** By the watch cache of an API server, which is what it tells watches. */
const knownTo = async ({ client }: Reached) => (await nodesIn(client)).length;

/** By the cache of a hook. */
export const knownToHook = (hook: HookProcess) => () => metric(hook, 'reschedule_hook_cache_objects', /kind="nodes"/);

type Parts = Pick<TwoApiServers, 'one' | 'two' | 'balancer' | 'etcd'> & { close(): Promise<void> };

async function addSecond(controlPlane: ControlPlane): Promise<Parts> {
  const etcd = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(controlPlane.etcdUrl).port) });
  const older = kubernetesVersions().find((version) => minorOf(version) === minorOf(chosenKubernetes()) - 1);
  const found = older === undefined ? undefined : findAssets(older);
  const assets = found?.state === 'ready' ? found.assets : controlPlane.assets;
  console.log(
    `the second API server: ${assets === controlPlane.assets ? 'of the same version' : `Kubernetes ${older}`}`,
  );
  const server = await controlPlane.addApiServer({ assets, etcdUrl: `http://127.0.0.1:${etcd.port}` });
  const [one, two] = await Promise.all([reach(controlPlane, controlPlane.apiServer), reach(controlPlane, server)]);
  const balancer = await startBalancer([one.reached.port]);
  return {
    one: one.reached,
    two: two.reached,
    balancer,
    etcd,
    close: async () => {
      await Promise.all([balancer.close(), etcd.close(), one.close(), two.close()]);
    },
  };
}

async function reach({ caData, adminToken }: ControlPlane, server: ApiServer) {
  const { client, close } = await connectBy(() => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig(`https://127.0.0.1:${server.port}`, caData, adminToken));
    return config;
  });
  const { port } = server;
  const reached: Reached = {
    port,
    client,
    get pid() {
      return server.pid;
    },
    stop: () => server.stop(),
    start: () => server.start(),
  };
  return { reached, close };
}

/** From the watch cache: a list without resourceVersion would be as new as etcd, however late. */
async function nodesIn(client: ApiClient): Promise<readonly JsonObject[]> {
  const { items } = await client.json({ method: 'GET', path: '/api/v1/nodes', query: { resourceVersion: 0 } });
  return items as readonly JsonObject[];
}
