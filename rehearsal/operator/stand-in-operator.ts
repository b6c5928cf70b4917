import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError, describeError } from '../../src/kube/errors.ts';
import { podPath } from '../../src/kube/paths.ts';
import { assertNever } from '../../src/policy/model.ts';
import { managedBy } from '../../testkit/connect.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import {
  type ClusterView,
  clusterOwner,
  couchbaseLabels,
  type Member,
  memberManifest,
  READINESS_GATE,
  viewCluster,
  viewMember,
} from '../../testkit/couchbase/member.ts';
import { DEFAULT_ANNOTATION, type OperatorEvent, type OperatorOptions } from './operator-options.ts';
import { type Memory, type OperatorStatus, planCluster, type Step, type WaitingFor } from './operator-plan.ts';

export type { OperatorEvent, OperatorOptions };

const DEFAULT_PERIOD_MS = 10_000;
const FIELD_MANAGER = 'couchbase-operator';
const MERGE_PATCH = 'application/merge-patch+json';

interface Watched {
  memory: Memory;
  waitingFor: WaitingFor | undefined;
}

/**
 * Stands in for the Couchbase operator. It keeps every cluster at its size and moves the members that carry the reschedule
 * annotation. It does so by its own DELETE calls (grace 0, no eviction), never more than `maxUpgradable` at once. It looks
 * again every period whatever happened; no API error ends it.
 */
export class StandInOperator {
  readonly #options: Required<Omit<OperatorOptions, 'onEvent'>> & Pick<OperatorOptions, 'onEvent'>;
  readonly #watched = new Map<string, Watched>();
  readonly #deletedAt = new Map<string, number>();
  #running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #pass: Promise<number> = Promise.resolve(0);
  #isPaused = false;

  constructor(options: OperatorOptions) {
    const { periodMs = DEFAULT_PERIOD_MS, kind = COUCHBASE_CLUSTER } = options;
    this.#options = {
      periodMs,
      kind,
      rebalanceMs: periodMs,
      recreateDelayMs: Math.min(periodMs, 2_000),
      maxUpgradable: 1,
      annotation: DEFAULT_ANNOTATION,
      labels: couchbaseLabels,
      owner: (cluster) => clusterOwner(cluster, kind),
      readinessGate: false,
      manifest: (pod) => pod,
      now: () => Date.now(),
      ...options,
      client: managedBy(options.client, FIELD_MANAGER),
    };
  }

  /** UIDs of the pods that it deleted itself (or asked to, where the answer got lost). */
  get deletedUids(): ReadonlySet<string> {
    return new Set(this.#deletedAt.keys());
  }

  /** The same with when it did, by its clock. */
  get deletedAt(): ReadonlyMap<string, number> {
    return this.#deletedAt;
  }

  start(): void {
    if (this.#running !== undefined) return;
    const stop = new AbortController();
    this.#running = { stop, done: this.#run(stop.signal) };
  }

  /** Resolves when nothing is under way any more. It may be started again, and then knows its clusters still. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    await running?.done;
  }

  /** Resolves when nothing is under way any more; until `resume` nothing is done. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#pass;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Looks at every cluster once, now. Never rejects. Resolves to when it is worth looking again. */
  reconcile(): Promise<number> {
    // One after another: two looks at a time would both create what is missing.
    this.#pass = this.#pass.then(() => this.#lookAtAll());
    return this.#pass;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { periodMs } = this.#options;
      const lookAgainInMs = this.#isPaused ? periodMs : await this.reconcile();
      await sleep(Math.min(periodMs, Math.max(1, lookAgainInMs)), undefined, { signal }).catch(() => undefined);
    }
  }

  async #lookAtAll(): Promise<number> {
    const delays = await Promise.all(this.#options.namespaces.map((namespace) => this.#lookAt(namespace)));
    return Math.min(this.#options.periodMs, ...delays);
  }

  async #lookAt(namespace: string): Promise<number> {
    const { client, kind, periodMs } = this.#options;
    let lookAgainInMs = periodMs;
    try {
      const clusters = await client.json({ method: 'GET', path: resourcePath(kind, namespace) });
      const pods = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
      for (const raw of clusters.items as readonly JsonObject[]) {
        const again = await this.#advance(viewCluster(raw), pods.items as readonly JsonObject[]);
        lookAgainInMs = Math.min(lookAgainInMs, again);
      }
    } catch (error) {
      this.#failed(namespace, error);
    }
    return lookAgainInMs;
  }

  async #advance(cluster: ClusterView, pods: readonly JsonObject[]): Promise<number> {
    const { periodMs, now } = this.#options;
    const members = pods.flatMap((raw) => viewMember(cluster.name, raw) ?? []).sort((a, b) => a.index - b.index);
    const before = this.#watched.get(cluster.uid);
    const plan = planCluster(cluster, members, before?.memory, this.#options, now());
    this.#watched.set(cluster.uid, { memory: plan.memory, waitingFor: plan.waitingFor });
    if (plan.waitingFor !== undefined && plan.waitingFor !== before?.waitingFor) {
      const { namespace, name } = cluster;
      this.#options.onEvent?.({ kind: 'waiting', namespace, cluster: name, why: plan.waitingFor, at: now() });
    }
    try {
      if (plan.status !== undefined) await this.#writeStatus(cluster, plan.status);
      for (const step of plan.steps) await this.#take(cluster, step);
    } catch (error) {
      this.#failed(cluster.namespace, error);
    }
    const isMoving = plan.steps.some(({ kind }) => kind === 'delete');
    return isMoving ? this.#options.recreateDelayMs : (plan.lookAgainInMs ?? periodMs);
  }

  async #take(cluster: ClusterView, step: Step): Promise<void> {
    switch (step.kind) {
      case 'create':
        return this.#create(cluster, step.pod, step.why);
      case 'delete':
        return this.#delete(cluster, step.member, step.why);
      case 'open gate':
        return this.#openGate(step.member);
      case 'ready':
      case 'rebalanced':
        return this.#report(step.kind, cluster, step.member);
      default:
        return assertNever(step);
    }
  }

  async #create(cluster: ClusterView, pod: string, why: string): Promise<void> {
    const { client, labels, owner, readinessGate, manifest } = this.#options;
    const body = manifest(memberManifest(cluster, pod, { labels, owner: owner(cluster), readinessGate }), cluster);
    const path = `/api/v1/namespaces/${cluster.namespace}/pods`;
    const created = (await client.json({ method: 'POST', path, body })) as { metadata?: { uid?: string } };
    this.#report('created', cluster, { name: pod, uid: created.metadata?.uid ?? '' }, why);
  }

  async #delete(cluster: ClusterView, member: Member, why: string): Promise<void> {
    const { namespace, name, uid } = member;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    this.#deletedAt.set(uid, this.#options.now());
    try {
      await this.#options.client.json({ method: 'DELETE', path: podPath(namespace, name), body });
    } catch (error) {
      // Refused, so it was not us. Without an answer it may have been.
      if (error instanceof ApiError) this.#deletedAt.delete(uid);
      throw error;
    }
    this.#report('deleted', cluster, member, why);
  }

  async #openGate({ namespace, name }: Member): Promise<void> {
    await this.#options.client.json({
      method: 'PATCH',
      path: `${podPath(namespace, name)}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: { status: { conditions: [{ type: READINESS_GATE, status: 'True' }] } },
    });
  }

  /** Only where it says something new: every write moves the resourceVersion that tracking entries are guarded by. */
  async #writeStatus(cluster: ClusterView, status: OperatorStatus): Promise<void> {
    const { client, kind } = this.#options;
    // The API server gives fields back in an order of its own.
    if (Object.entries(status).every(([key, value]) => isDeepStrictEqual(cluster.status[key], value))) return;
    const path = resourcePath(kind, cluster.namespace, cluster.name);
    await client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body: { status } });
  }

  #report(
    kind: 'created' | 'ready' | 'rebalanced' | 'deleted',
    { namespace, name: cluster }: ClusterView,
    pod: { readonly name: string; readonly uid: string; readonly node?: string },
    why?: string,
  ): void {
    this.#options.onEvent?.({
      kind,
      namespace,
      cluster,
      pod: pod.name,
      uid: pod.uid,
      ...(pod.node === undefined ? {} : { node: pod.node }),
      ...(why === undefined ? {} : { why }),
      at: this.#options.now(),
    });
  }

  #failed(namespace: string, error: unknown): void {
    this.#options.onEvent?.({ kind: 'failed', namespace, error: describeError(error), at: this.#options.now() });
  }
}
