import type { EvictionRequest } from '../../../src/policy/model.ts';
import type { DrainerKind } from '../runs/variant.ts';
import { NAMESPACE, type SimNode, type SimPod } from './objects.ts';

/** The parts of the cluster that a drainer reads and changes. */
interface DrainedCluster {
  readonly pods: ReadonlyMap<string, SimPod>;
  readonly nodes: ReadonlyMap<string, SimNode>;
  putNode(name: string, change: (node: SimNode) => void): unknown;
}

/** One pod that a drainer wants to evict. */
export interface Target {
  readonly name: string;
  /** The instance that the drainer saw on the node. */
  readonly uid: string;
  /** `leaving`: the drainer got 201, and waits for the pod to go. */
  state: 'todo' | 'asking' | 'leaving' | 'done' | 'failed';
}

/**
 * A drainer, step by step: it marks the node, lists its pods, and evicts each until that succeeds. It believes every
 * 404.
 */
export class Drainer {
  readonly name: string;
  readonly kind: DrainerKind;
  readonly targets = new Map<string, Target>();
  node: string | undefined;
  phase: 'idle' | 'marked' | 'asking' = 'idle';
  /** The number of drains that it has begun. */
  drains = 0;
  readonly #server: DrainedCluster;

  constructor(name: string, kind: DrainerKind, server: DrainedCluster) {
    this.name = name;
    this.kind = kind;
    this.#server = server;
  }

  start(nodeName: string): boolean {
    if (this.phase !== 'idle' || !this.#server.nodes.has(nodeName)) return false;
    this.node = nodeName;
    this.phase = 'marked';
    this.drains++;
    this.#mark(true);
    return true;
  }

  /** Lists the pods on the node. Only a drainer that relists does so more than once. */
  list(): boolean {
    const mayList = this.phase === 'marked' || (this.phase === 'asking' && this.kind.relists);
    if (!mayList || this.#isAsking()) return false;
    this.targets.clear();
    for (const { name, uid, node } of this.#server.pods.values()) {
      if (node === this.node) this.targets.set(name, { name, uid, state: 'todo' });
    }
    this.phase = 'asking';
    return true;
  }

  /** The request that it would send for a pod of that name now, if any. */
  requestFor(name: string): { target: Target; request: EvictionRequest } | undefined {
    const target = this.phase === 'asking' ? this.targets.get(name) : undefined;
    if (target?.state !== 'todo') return undefined;
    const { namesUid, dryRun, graceSeconds } = this.kind;
    const request = {
      isEviction: true,
      namespace: NAMESPACE,
      name,
      username: this.name,
      dryRun,
      ...(namesUid ? { uid: target.uid } : {}),
      ...(graceSeconds === undefined ? {} : { graceSeconds }),
    };
    return { target, request };
  }

  /** Takes the status of an eviction. */
  receive(target: Target, code: number): void {
    const { namesUid, dryRun } = this.kind;
    if (code === 201) target.state = dryRun ? 'done' : 'leaving';
    else if (code === 404 || (code === 409 && namesUid)) target.state = 'done';
    else target.state = this.#triesAgain(code) ? 'todo' : 'failed';
  }

  #triesAgain(code: number): boolean {
    return !this.kind.asksOnce && (code === 429 || this.kind.retriesErrors);
  }

  /** Checks whether a pod with a successful eviction is gone. */
  poll(name: string): boolean {
    const target = this.targets.get(name);
    if (target?.state !== 'leaving') return false;
    const isGone = this.#server.pods.get(name)?.uid !== target.uid;
    if (isGone) target.state = 'done';
    return isGone;
  }

  /** Whether every pod is done or given up. */
  isThrough(): boolean {
    return (
      this.phase === 'asking' && [...this.targets.values()].every(({ state }) => state === 'done' || state === 'failed')
    );
  }

  /** Ends the drain, complete or not. `restores`: uncordons the node. */
  end(restores: boolean): boolean {
    if (this.phase === 'idle' || this.#isAsking()) return false;
    this.phase = 'idle';
    this.targets.clear();
    if (restores) this.#mark(false);
    return true;
  }

  #isAsking(): boolean {
    return [...this.targets.values()].some(({ state }) => state === 'asking');
  }

  #mark(isOn: boolean): void {
    const { marksBy } = this.kind;
    if (marksBy === 'nothing' || this.node === undefined || !this.#server.nodes.has(this.node)) return;
    this.#server.putNode(this.node, (node) => {
      if (marksBy === 'cordon') node.unschedulable = isOn;
      else if (isOn) node.taints = [...new Set([...node.taints, marksBy])];
      else node.taints = node.taints.filter((taint) => taint !== marksBy);
    });
  }
}
