import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError, describeError } from '../../src/kube/errors.ts';
import { podPath } from '../../src/kube/paths.ts';
import { assertNever } from '../../src/policy/model.ts';
import { managedBy } from '../../testkit/connect.ts';
import { resourcePath } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import {
  type ClusterView,
  type Member,
  memberManifest,
  READINESS_GATE,
  viewMember,
} from '../../testkit/couchbase/member.ts';
import type { Annotation, Progress } from './model.ts';
import { COUCHBASE } from './models/couchbase.ts';
import type { OperatorEvent, OperatorOptions } from './operator-options.ts';
import { planCluster } from './operator-plan.ts';
import { ownerOf } from './owner.ts';
import type { Memory, OperatorPlan, Sight, Step, WaitingFor } from './plan.ts';

export type { OperatorEvent, OperatorOptions };

const MERGE_PATCH = 'application/merge-patch+json';
/** How soon an operator that looks at marks at once sees one. */
const NOTICES_WITHIN_MS = 200;

interface Watched {
  memory: Memory;
  waitingFor: WaitingFor | undefined;
}

/**
 * Stands in for an operator, by its model. It keeps every cluster at its size and moves the members that it is asked to
 * move. It does so by DELETE calls of its own (no eviction), or says of them that they may go. It looks again every period whatever happened; no
 * API error ends it.
 */
export class StandInOperator {
  readonly #options: Settings;
  readonly #watched = new Map<string, Watched>();
  readonly #deletedAt = new Map<string, number>();
  readonly #surplus = new Set<string>();
  readonly #letGoAt = new Map<string, number>();
  /** When pods were let go that were called off later, by UID. */
  readonly #calledOff = new Map<string, readonly { readonly from: number; readonly to: number }[]>();
  #running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #pass: Promise<number> = Promise.resolve(0);
  #isPaused = false;

  constructor(options: OperatorOptions) {
    const { model = COUCHBASE } = options;
    const { periodMs = model.periodMs, kind = model.kind } = options;
    const { prepare = 0, settle = 1, empty = 0, notice = 0 } = model.pace;
    this.#options = {
      model,
      periodMs,
      kind,
      rebalanceMs: settle * periodMs,
      prepareMs: prepare * periodMs,
      emptyMs: empty * periodMs,
      noticeMs: notice * periodMs,
      recreateDelayMs: Math.min(periodMs, 2_000),
      maxUpgradable: model.atOnce,
      labels: model.labels,
      readinessGate: false,
      manifest: (pod) => pod,
      now: () => Date.now(),
      ...options,
      annotation: options.annotation ?? model.mark,
      client: managedBy(options.client, model.manager),
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

  /** UIDs of the pods that it deleted because there were too many, and not in order to move them. */
  get surplus(): ReadonlySet<string> {
    return this.#surplus;
  }

  /** UIDs of the pods of which it has reported that they may go, or that have lost their role; with when, by its clock. */
  get letGoAt(): ReadonlyMap<string, number> {
    return this.#letGoAt;
  }

  /** Whether it had said of the instance by then that it may go, and not taken that back before. */
  hadLetGo(uid: string, at: number): boolean {
    const spans = this.#calledOff.get(uid) ?? [];
    return (
      (this.#letGoAt.get(uid) ?? Number.POSITIVE_INFINITY) <= at || spans.some(({ from, to }) => from <= at && at <= to)
    );
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
  reconcile(isDue = true): Promise<number> {
    // One after another: two looks at a time would both create what is missing.
    this.#pass = this.#pass.then(() => this.#lookAtAll(isDue));
    return this.#pass;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { periodMs, model } = this.#options;
    const longestMs = model.takesMarks === 'mark' ? Math.min(periodMs, NOTICES_WITHIN_MS) : periodMs;
    let dueAt = performance.now();
    while (!signal.aborted) {
      const isDue = performance.now() >= dueAt || longestMs < periodMs;
      const lookAgainInMs = this.#isPaused ? periodMs : await this.reconcile(isDue);
      if (isDue) dueAt = performance.now() + periodMs;
      const restMs = Math.max(1, Math.min(longestMs, lookAgainInMs, dueAt - performance.now()));
      await sleep(restMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #lookAtAll(isDue: boolean): Promise<number> {
    // One list of the nodes for all clusters, as an operator's cache would have it.
    let nodes: ReturnType<Pass['nodes']> | undefined;
    const seen = { isDue, nodes: () => (nodes ??= this.#nodes()) };
    const delays = await Promise.all(this.#options.namespaces.map((namespace) => this.#lookAt(namespace, seen)));
    return Math.min(this.#options.periodMs, ...delays);
  }

  async #lookAt(namespace: string, { isDue, nodes: seeNodes }: Pass): Promise<number> {
    const { client, kind, periodMs } = this.#options;
    let lookAgainInMs = periodMs;
    try {
      const clusters = await client.json({ method: 'GET', path: resourcePath(kind, namespace) });
      const pods = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
      const nodes = await seeNodes();
      for (const raw of clusters.items as readonly JsonObject[]) {
        const again = await this.#advance(raw, pods.items as readonly JsonObject[], { ...nodes, isDue });
        lookAgainInMs = Math.min(lookAgainInMs, again);
      }
    } catch (error) {
      this.#failed(namespace, error);
    }
    return lookAgainInMs;
  }

  /** Only where the model acts on it. */
  async #nodes(): Promise<Pick<Sight, 'cordoned' | 'taints'>> {
    const { client, model } = this.#options;
    const { followsCordon, isEmptied, followsTaints } = model;
    if (!followsCordon && isEmptied === undefined && followsTaints === undefined) return {};
    const { items } = await client.json({ method: 'GET', path: '/api/v1/nodes' });
    const nodes = items as readonly RawNode[];
    const cordoned = nodes.filter(({ spec }) => spec?.unschedulable === true).map(({ metadata }) => metadata.name);
    const keysOf = ({ spec }: RawNode) => spec?.taints?.map(({ key }) => key) ?? [];
    return {
      cordoned: new Set(cordoned),
      taints: new Map(nodes.map((node) => [node.metadata.name, keysOf(node)])),
    };
  }

  async #advance(
    raw: JsonObject,
    pods: readonly JsonObject[],
    seen: Pick<Sight, 'cordoned' | 'taints' | 'isDue'>,
  ): Promise<number> {
    const { periodMs, now, model } = this.#options;
    const cluster = model.view(raw);
    const members = pods.flatMap((pod) => viewMember(cluster.name, pod, model.indexOf) ?? []);
    members.sort((a, b) => a.index - b.index);
    const before = this.#watched.get(cluster.uid);
    const plan = planCluster({ ...seen, cluster, members }, before?.memory, this.#options, now());
    this.#watched.set(cluster.uid, { memory: plan.memory, waitingFor: plan.waitingFor });
    this.#tellWaiting(cluster, plan, before?.waitingFor);
    try {
      await this.#writeStatus(cluster, plan);
      for (const step of plan.steps) await this.#take(cluster, step);
    } catch (error) {
      this.#failed(cluster.namespace, error);
    }
    const isMoving = plan.steps.some(({ kind }) => kind === 'delete');
    return isMoving ? this.#options.recreateDelayMs : (plan.lookAgainInMs ?? periodMs);
  }

  #tellWaiting({ namespace, name }: ClusterView, { waitingFor }: OperatorPlan, before: WaitingFor | undefined): void {
    if (waitingFor === undefined || waitingFor === before) return;
    const { model, onEvent, now } = this.#options;
    const why = waitingFor === 'sync' ? model.outOfSync : waitingFor;
    onEvent?.({ kind: 'waiting', namespace, cluster: name, why, at: now() });
  }

  async #take(cluster: ClusterView, step: Step): Promise<void> {
    switch (step.kind) {
      case 'create':
        return this.#create(cluster, step.pod, step.why);
      case 'delete':
        return this.#delete(cluster, step.member, step.why);
      case 'open gate':
        return this.#openGate(step.member);
      case 'let go':
        return this.#patch(step.member, { finalizers: null });
      case 'mark':
        return this.#patch(step.member, { annotations: { [this.#options.annotation?.key ?? '']: 'true' } });
      case 'report':
        return this.#reportOn(cluster, step.member, step.progress);
      case 'name role':
        return this.#nameRole(cluster, step.member, step.value);
      case 'hand over':
        return this.#handOver(cluster, step);
      case 'ready':
      case 'rebalanced':
        return this.#report(step.kind, cluster, step.member);
      default:
        return assertNever(step);
    }
  }

  async #create(cluster: ClusterView, pod: string, why: string): Promise<void> {
    const { client, labels, readinessGate, manifest, kind, model } = this.#options;
    const { owner: chooseOwner = () => ownerOf(client, cluster, kind, model.ownerKind) } = this.#options;
    const owner = await chooseOwner(cluster);
    const { finalizers, annotations } = model;
    const examples = [model.nameOf(cluster, 0), model.nameOf(cluster, 1)] as const;
    const body = manifest(
      memberManifest(cluster, pod, { labels, owner, readinessGate, finalizers, annotations, examples }),
      cluster,
    );
    const path = `/api/v1/namespaces/${cluster.namespace}/pods`;
    const created = (await client.json({ method: 'POST', path, body })) as { metadata?: { uid?: string } };
    this.#report('created', cluster, { name: pod, uid: created.metadata?.uid ?? '' }, why);
  }

  async #delete(cluster: ClusterView, member: Member, why: string): Promise<void> {
    const { client, model, now } = this.#options;
    const { namespace, name, uid } = member;
    const grace = model.isGraceful ? {} : { gracePeriodSeconds: 0 };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...grace, preconditions: { uid } };
    this.#deletedAt.set(uid, now());
    if (why === 'scale down') this.#surplus.add(uid);
    try {
      await client.json({ method: 'DELETE', path: podPath(namespace, name), body });
    } catch (error) {
      // Refused, so it was not us. Without an answer it may have been.
      if (error instanceof ApiError) this.#deletedAt.delete(uid);
      throw error;
    }
    this.#report('deleted', cluster, member, model.loses === undefined ? why : `${why}, ${model.loses}`);
  }

  async #patch({ namespace, name, uid }: Member, metadata: JsonObject): Promise<void> {
    const body = { metadata: { uid, ...metadata } };
    await this.#options.client.json({
      method: 'PATCH',
      path: podPath(namespace, name),
      contentType: MERGE_PATCH,
      body,
    });
  }

  async #reportOn(cluster: ClusterView, member: Member, progress: Progress): Promise<void> {
    const written = this.#options.model.reports?.write(progress);
    if (written === undefined) return;
    const write = () =>
      'annotations' in written
        ? this.#patch(member, { annotations: written.annotations })
        : this.#writeConditions(member, written.conditions);
    await (progress === 'done' ? this.#lettingGo(member, write) : write());
    if (progress !== 'done') this.#callOff(member.uid);
    this.#report('reported', cluster, member, PROGRESS[progress]);
  }

  async #nameRole(cluster: ClusterView, member: Member, value: string): Promise<void> {
    const { role } = this.#options.model;
    if (role === undefined) return;
    const write = () => this.#patch(member, { labels: { [role.label]: value } });
    await (value === role.replica ? this.#lettingGo(member, write) : write());
    if (value === role.primary) this.#callOff(member.uid);
    this.#report('reported', cluster, member, `role ${value}`);
  }

  async #handOver(cluster: ClusterView, { member, to, status }: Extract<Step, { kind: 'hand over' }>): Promise<void> {
    const { role } = this.#options.model;
    if (role === undefined) return;
    await this.#nameRole(cluster, member, role.replica);
    await this.#nameRole(cluster, to, role.primary);
    await this.#patchStatus(cluster, status);
  }

  #callOff(uid: string): void {
    const from = this.#letGoAt.get(uid);
    if (from === undefined) return;
    this.#letGoAt.delete(uid);
    this.#calledOff.set(uid, [...(this.#calledOff.get(uid) ?? []), { from, to: this.#options.now() }]);
  }

  /** Noted before the write: the pod may be gone as soon as that is seen. */
  async #lettingGo({ uid }: Member, write: () => Promise<void>): Promise<void> {
    this.#letGoAt.set(uid, this.#options.now());
    try {
      await write();
    } catch (error) {
      if (error instanceof ApiError) this.#letGoAt.delete(uid);
      throw error;
    }
  }

  #openGate(member: Member): Promise<void> {
    return this.#writeConditions(member, { [READINESS_GATE]: 'True' });
  }

  async #writeConditions({ namespace, name, uid }: Member, wanted: Readonly<Record<string, string>>): Promise<void> {
    const conditions = Object.entries(wanted).map(([type, status]) => ({ type, status }));
    await this.#options.client.json({
      method: 'PATCH',
      path: `${podPath(namespace, name)}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: { metadata: { uid }, status: { conditions } },
    });
  }

  /** Only where it says something new: every write moves the resourceVersion that tracking entries are guarded by. */
  async #writeStatus(cluster: ClusterView, plan: OperatorPlan): Promise<void> {
    const { model } = this.#options;
    const isMoving = plan.steps.length > 0 || plan.waitingFor !== undefined;
    const status = { ...plan.status, ...model.statusOf?.({ isPaused: plan.waitingFor === 'paused', isMoving }) };
    // The API server gives fields back in an order of its own.
    if (Object.entries(status).every(([key, value]) => isDeepStrictEqual(cluster.status[key], value))) return;
    await this.#patchStatus(cluster, status);
  }

  async #patchStatus({ namespace, name }: ClusterView, status: JsonObject): Promise<void> {
    const { client, kind } = this.#options;
    const path = resourcePath(kind, namespace, name);
    await client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body: { status } });
  }

  #report(
    kind: 'created' | 'ready' | 'rebalanced' | 'deleted' | 'reported',
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

/** One look at all clusters. */
interface Pass {
  readonly isDue: boolean;
  nodes(): Promise<Pick<Sight, 'cordoned' | 'taints'>>;
}

const PROGRESS: Readonly<Record<Progress, string>> = {
  none: 'called off',
  begun: 'is being prepared',
  done: 'may go',
};

interface RawNode {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly { readonly key: string }[] };
}

type Optional = 'onEvent' | 'owner' | 'annotation';

/** Options with all that the model says. */
interface Settings extends Required<Omit<OperatorOptions, Optional>>, Pick<OperatorOptions, 'onEvent' | 'owner'> {
  readonly prepareMs: number;
  readonly emptyMs: number;
  readonly noticeMs: number;
  readonly annotation: Annotation | undefined;
}
