import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, JsonObject } from '../../kube/client.ts';
import { ApiError, describeError, isNotFound } from '../../kube/errors.ts';
import { nodePath, podPath } from '../../kube/paths.ts';
import { viewPod } from '../pods.ts';
import type { Drainer, DrainRequest } from './drainer.ts';

export interface KubectlLikeOptions {
  readonly client: ApiClient;
  /** After a 429. Default 5 s, as kubectl's. */
  readonly retryAfterMs?: number;
  /** How often it looks whether an evicted pod is gone. Default 1 s, as kubectl's. */
  readonly pollEveryMs?: number;
}

interface Target {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

const RETRY_AFTER_MS = 5_000;
const POLL_EVERY_MS = 1_000;

/**
 * Drains as `kubectl drain --ignore-daemonsets --delete-emptydir-data` does, where there is no kubectl: cordons, lists the
 * node's pods once, evicts all of them at the same time by name. 404 counts as done without a look at the node; 429 is tried
 * again for ever; anything else fails that pod, and the others go on.
 */
export function kubectlLikeDrainer(options: KubectlLikeOptions): Drainer {
  return {
    name: 'built-in, like kubectl drain',
    voice: 'kubectl',
    drain: (request) => new Drain(options, request).run(),
  };
}

class Drain {
  readonly #options: Required<KubectlLikeOptions>;
  readonly #request: DrainRequest;
  readonly #signal: AbortSignal;

  constructor(options: KubectlLikeOptions, request: DrainRequest) {
    this.#options = { retryAfterMs: RETRY_AFTER_MS, pollEveryMs: POLL_EVERY_MS, ...options };
    this.#request = request;
    const deadline = AbortSignal.timeout(request.timeoutMs);
    this.#signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
  }

  async run(): Promise<number> {
    const { node } = this.#request;
    try {
      await this.#cordon();
      const results = await Promise.allSettled((await this.#targets()).map((pod) => this.#evict(pod)));
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      if (failures.length > 0) throw new AggregateError(failures, failures.map(describeError).join('\n'));
      this.#say(`node/${node} drained`);
      return 0;
    } catch (error) {
      this.#complain(`error: unable to drain node "${node}": ${describeError(error)}`);
      return 1;
    }
  }

  async #cordon(): Promise<void> {
    const { node } = this.#request;
    const { spec } = await this.#call('GET', nodePath(node));
    if ((spec as { unschedulable?: boolean }).unschedulable) {
      this.#say(`node/${node} already cordoned`);
      return;
    }
    await this.#options.client.json({
      method: 'PATCH',
      path: nodePath(node),
      query: { fieldManager: 'kubectl-cordon' },
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { unschedulable: true } },
      signal: this.#signal,
    });
    this.#say(`node/${node} cordoned`);
  }

  /** Throws where a pod would be lost for good: nobody would make another one. */
  async #targets(): Promise<Target[]> {
    const query = { fieldSelector: `spec.nodeName=${this.#request.node}` };
    const list = await this.#options.client.json({ method: 'GET', path: '/api/v1/pods', query, signal: this.#signal });
    const pods = (list.items as readonly JsonObject[]).map((raw) => ({ ...viewPod(raw), owner: controllerKind(raw) }));
    const daemons = pods.filter(({ owner }) => owner === 'DaemonSet');
    if (daemons.length > 0) this.#complain(`Warning: ignoring DaemonSet-managed Pods: ${namesOf(daemons)}`);
    const alone = pods.filter(({ owner, phase }) => owner === undefined && !['Succeeded', 'Failed'].includes(phase));
    if (alone.length > 0) {
      throw new Error(`cannot delete Pods that declare no controller (use --force to override): ${namesOf(alone)}`);
    }
    return pods.filter(({ owner }) => owner !== 'DaemonSet');
  }

  async #evict(pod: Target): Promise<void> {
    const { namespace, name } = pod;
    const path = `${podPath(namespace, name)}/eviction`;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name }, deleteOptions: {} };
    for (;;) {
      this.#complain(`evicting pod ${namespace}/${name}`);
      try {
        await this.#call('POST', path, body);
        return await this.#untilGone(pod);
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isWorthRetrying(error)) throw error;
        const why = describeError(error).replace(/^.*?: \d+ /, '');
        const after = `${this.#options.retryAfterMs / 1000}s`;
        this.#complain(`error when evicting pods/"${name}" -n "${namespace}" (will retry after ${after}): ${why}`);
        await sleep(this.#options.retryAfterMs, undefined, { signal: this.#signal });
      }
    }
  }

  /** Gone is a pod that does not exist, or another instance of its name. */
  async #untilGone({ namespace, name, uid }: Target): Promise<void> {
    for (;;) {
      const pod = await this.#call('GET', podPath(namespace, name)).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (pod === undefined || viewPod(pod).uid !== uid) return this.#say(`pod/${name} evicted`);
      await sleep(this.#options.pollEveryMs, undefined, { signal: this.#signal });
    }
  }

  #call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<JsonObject> {
    return this.#options.client.json({ method, path, signal: this.#signal, ...(body === undefined ? {} : { body }) });
  }

  #say(line: string): void {
    this.#request.onLine?.(line, 'stdout');
  }

  #complain(line: string): void {
    this.#request.onLine?.(line, 'stderr');
  }
}

function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 429 || (error.code === 403 && error.message.includes('because it is being terminated'));
}

function controllerKind(raw: JsonObject): string | undefined {
  const { ownerReferences = [] } = (raw.metadata ?? {}) as {
    ownerReferences?: { readonly kind: string; readonly controller?: boolean }[];
  };
  return ownerReferences.find(({ controller }) => controller === true)?.kind;
}

const namesOf = (pods: readonly Target[]) => pods.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
