import type { ApiClient } from '../../src/kube/client.ts';
import { evict, type NodePod } from '../../testkit/nodes.ts';
import type { Attempt } from './attempt.ts';
import type { DrainerClock } from './clock.ts';
import type { Answers, DrainerModel, EvictionBody, Meaning } from './model.ts';

/** A drain under way. */
export interface UnderWay extends Attempt {
  readonly client: Pick<ApiClient, 'json'>;
  readonly model: DrainerModel;
  readonly clock: DrainerClock;
  /** What was answered last about a pod that is still to be drained, by `NAMESPACE/NAME`. */
  readonly refused: Map<string, string>;
}

type Target = Pick<NodePod, 'namespace' | 'name' | 'uid'>;

export const titleOf = ({ namespace, name }: Pick<NodePod, 'namespace' | 'name'>) => `${namespace}/${name}`;

/** What an eviction came to. `gone`: also one that was allowed, which `isEvicted` says. */
export interface Told {
  readonly meaning: Meaning;
  readonly isEvicted: boolean;
  readonly text: string;
}

/** Asks for an eviction once, and says so. `retryMs`: when it would ask again. Rejects only if the signal aborts. */
export async function ask(drain: UnderWay, pod: NodePod, retryMs: number): Promise<Told> {
  const { client, model, signal, say, complain, refused } = drain;
  const title = titleOf(pod);
  say(`evicting pod ${title}`);
  const { code, text } = await evict(client, pod, bodyOf(model.body, pod), signal);
  const meaning = code === 201 ? 'gone' : meaningOf(model.answers, code, text);
  if (meaning === 'again') complain(refusalOf(model, pod, text, retryMs));
  if (meaning === 'gone') refused.delete(title);
  else refused.set(title, text);
  return { meaning, isEvicted: code === 201, text };
}

function bodyOf({ version, hasNamespace, hasUid }: EvictionBody, { namespace, name, uid }: Target) {
  return {
    apiVersion: version,
    kind: 'Eviction',
    metadata: { name, ...(hasNamespace ? { namespace } : {}) },
    ...(hasUid ? { deleteOptions: { preconditions: { uid } } } : {}),
  };
}

function meaningOf(answers: Answers, code: number, text: string): Meaning {
  if (code === 403 && answers.waitsForNamespace && text.includes('because it is being terminated')) return 'again';
  return code === 404 || code === 409 || code === 429 ? answers[code] : answers.other;
}

function refusalOf({ tells }: DrainerModel, { namespace, name }: Target, answer: string, retryMs: number): string {
  const words: Readonly<Record<string, string>> = { pod: name, namespace, answer, retry: String(retryMs / 1000) };
  return tells.refusal.replaceAll(/\{(\w+)\}/g, (whole, word) => words[word] ?? whole);
}
