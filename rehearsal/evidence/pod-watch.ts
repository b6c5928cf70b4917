import type { Reflector } from '../../src/informer/reflector.ts';
import type { ApiClient } from '../../src/kube/client.ts';
import { type PodView, viewPod } from '../../testkit/pods.ts';
import { NotYet, type UntilOptions, until } from '../../testkit/until.ts';
import { reflect } from './reflection.ts';

export type PodChange = 'created' | 'scheduled' | 'ready' | 'unready' | 'terminating' | 'gone';

/** One instance of a pod as it was last seen; `isGone` once it no longer exists. */
export interface Instance extends PodView {
  readonly isGone: boolean;
}

export interface PodWatchOptions {
  readonly client: ApiClient;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Every look at an instance, with the look before. */
  readonly onSeen?: (pod: PodView, before: PodView | undefined) => void;
  readonly onChange?: (change: PodChange, pod: PodView) => void;
  readonly onTrouble?: (message: string, fields: Record<string, unknown>) => void;
}

/** Follows the pods of a namespace and remembers every instance (UID) that ever was there. */
export class PodWatch {
  readonly #options: PodWatchOptions;
  readonly #instances = new Map<string, Instance>();
  readonly #reflector: Reflector<PodView>;

  constructor(options: PodWatchOptions) {
    this.#options = options;
    const { client, namespace, labelSelector, onTrouble } = options;
    this.#reflector = reflect<PodView>({
      client,
      name: 'pods',
      path: namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`,
      ...(labelSelector === undefined ? {} : { labelSelector }),
      project: viewPod,
      replace: (pods) => this.#replace(pods),
      put: (pod) => this.#put(pod),
      remove: (pod) => this.#remove(pod),
      ...(onTrouble === undefined ? {} : { onTrouble }),
    });
  }

  /** Every instance since the start, also those that are gone. */
  get instances(): readonly Instance[] {
    return [...this.#instances.values()];
  }

  /** Resolves once the pods that exist now are known. */
  async start(options: UntilOptions = {}): Promise<void> {
    this.#reflector.start();
    await until(
      'the list of pods',
      async () => {
        if (this.#reflector.agreedAt === Number.NEGATIVE_INFINITY) throw new NotYet('no answer so far');
      },
      options,
    );
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }

  #put(pod: PodView): void {
    const before = this.#instances.get(pod.uid);
    this.#instances.set(pod.uid, { ...pod, isGone: false });
    this.#options.onSeen?.(pod, before);
    for (const change of changesOf(before, pod)) this.#options.onChange?.(change, pod);
  }

  #remove(pod: PodView): void {
    this.#instances.set(pod.uid, { ...pod, isGone: true });
    this.#options.onChange?.('gone', pod);
  }

  #replace(pods: readonly PodView[]): void {
    const present = new Set(pods.map(({ uid }) => uid));
    for (const instance of this.instances) {
      if (!instance.isGone && !present.has(instance.uid)) this.#remove(instance);
    }
    for (const pod of pods) this.#put(pod);
  }
}

/** What has changed at an instance since the look before. */
export function changesOf(before: PodView | undefined, now: PodView): PodChange[] {
  const changes: PodChange[] = [];
  if (before === undefined) changes.push('created');
  if (before?.node === undefined && now.node !== undefined) changes.push('scheduled');
  if (!before?.ready && now.ready) changes.push('ready');
  if (before?.ready && !now.ready) changes.push('unready');
  if (!before?.terminating && now.terminating) changes.push('terminating');
  return changes;
}
