import type { PodView } from '../../../testkit/pods.ts';
import { evictInTime } from './evict.ts';
import type { Scene } from './scene.ts';

/** The annotation of a pod, and the words of a 429, that make an eviction one in the background. */
export const REQUEST_EVICT_ONLY = 'descheduler.alpha.kubernetes.io/request-evict-only';
const WORDS = 'Eviction triggered evacuation';

export type Outcome = 'evicted' | 'in background' | 'failed' | 'not asked';

/**
 * What the descheduler does with an answer, with its gate EvictionsInBackground: kubernetes-sigs/descheduler,
 * pkg/descheduler/evictions/evictions.go. It evicts by name, once a cycle. A 429 with these words, for a pod with the annotation,
 * counts against the limits like an eviction, and the pod is not asked for again while it is there. Left out: strategies, the
 * ten minutes after which such a pod is asked for again, and the annotation by which others may prolong them.
 */
export class Descheduler {
  readonly #scene: Pick<Scene, 'rig' | 'namespace' | 'pods'>;
  readonly #mostOnNode: number;
  readonly #underWay = new Set<string>();

  constructor(scene: Pick<Scene, 'rig' | 'namespace' | 'pods'>, { mostOnNode }: { readonly mostOnNode: number }) {
    this.#scene = scene;
    this.#mostOnNode = mostOnNode;
  }

  /** One cycle over the pods of a node, in the order of their names: what became of each. */
  async cycle(node: string): Promise<Record<string, Outcome>> {
    const pods = await this.#scene.pods();
    for (const uid of this.#underWay) if (!pods.some((pod) => pod.uid === uid)) this.#underWay.delete(uid);
    const outcomes: Record<string, Outcome> = {};
    let evicted = 0;
    for (const pod of pods.filter((one) => one.node === node).sort((a, b) => a.name.localeCompare(b.name))) {
      const isFull = evicted + this.#underWay.size >= this.#mostOnNode;
      const outcome = this.#underWay.has(pod.uid) || isFull ? 'not asked' : await this.#evict(pod);
      if (outcome === 'evicted') evicted++;
      outcomes[pod.name] = outcome;
    }
    return outcomes;
  }

  async #evict(pod: PodView): Promise<Outcome> {
    const { code, message } = await evictInTime(this.#scene, pod.name);
    if (code === 201) return 'evicted';
    const isInBackground = pod.annotations[REQUEST_EVICT_ONLY] !== undefined && code === 429 && message.includes(WORDS);
    if (!isInBackground) return 'failed';
    this.#underWay.add(pod.uid);
    return 'in background';
  }
}
