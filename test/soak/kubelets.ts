import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { podPath } from '../../src/kube/paths.ts';

const LOOK_EVERY_MS = 10_000;
/** A hook hears of a pod that is reminded of, too. So what was wrong with the hook has to show before that, as a slow round. */
export const OVERLOOKED_AFTER_MS = 120_000;

interface RawPod {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string };
}

/**
 * KWOK, which plays the kubelets, can overlook a pod that comes or goes while it starts again with the API server. It
 * looks at a pod that changes. So an annotation is written on each pod that has waited too long for its kubelet.
 */
export class KubeletReminder {
  readonly #client: ApiClient;
  readonly #namespace: string;
  readonly #timer: NodeJS.Timeout;
  readonly #reminded: string[] = [];
  #count = 0;
  #look: Promise<void> = Promise.resolve();

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#timer = setInterval(() => {
      this.#look = this.#look.then(() => this.#remind());
    }, LOOK_EVERY_MS);
  }

  /** How many reminders there have been. */
  get count(): number {
    return this.#count;
  }

  /** Since the last call. */
  takeReminded(): string[] {
    return this.#reminded.splice(0);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
  }

  async #remind(): Promise<void> {
    try {
      const { items } = await this.#client.json({ method: 'GET', path: `/api/v1/namespaces/${this.#namespace}/pods` });
      for (const pod of (items as readonly RawPod[]).filter((one) => isOverlooked(one, Date.now()))) {
        const { name } = pod.metadata;
        const body: JsonObject = { metadata: { annotations: { 'soak/reminded-at': new Date().toISOString() } } };
        const contentType = 'application/merge-patch+json';
        await this.#client.json({ method: 'PATCH', path: podPath(this.#namespace, name), contentType, body });
        this.#count += 1;
        this.#reminded.push(`the kubelet of ${name} had to be reminded`);
      }
    } catch {
      // The API server may be away, or the pod gone. The next look is soon.
    }
  }
}

/** Bound and not started, or due to be gone, for too long. */
export function isOverlooked({ metadata, spec, status }: RawPod, now: number): boolean {
  if (spec.nodeName === undefined) return false;
  const { creationTimestamp, deletionTimestamp } = metadata;
  const since = deletionTimestamp ?? (status?.phase === 'Pending' ? creationTimestamp : undefined);
  return since !== undefined && now - Date.parse(since) > OVERLOOKED_AFTER_MS;
}
