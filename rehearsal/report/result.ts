import { outcomeOf, type PodRecord, type RehearsalRecord } from '../evidence/record.ts';
import { count, span } from './words.ts';

/** So many moves are named one by one; of more, only their number is given. */
const MOST_MOVES = 4;

/** What came of it, in one sentence: the drains, where pods went, and how many members were ready at the worst moment. */
export function resultOf(record: RehearsalRecord): string {
  const parts = [againstIt(record), ...drainsIn(record), movesIn(record), ...worstOf(record)];
  const sentence = parts.filter((part) => part !== undefined).join('; ');
  // The name of a node or a pod stays as it is written.
  return `${sentence.replace(/^(?:the|never|no|it|a|each)\b/, (word) => word[0]?.toUpperCase() + word.slice(1))}.`;
}

/** The first thing that was found against it. */
function againstIt(record: RehearsalRecord): string | undefined {
  if (outcomeOf(record) === 'safe') return undefined;
  const problems = record.checks.flatMap(({ problems }) => problems);
  const [first = 'a check does not hold'] = problems;
  return problems.length > 1 ? `${first} (and ${count(problems.length - 1, 'more problem')})` : first;
}

function drainsIn({ drains, durationMs }: RehearsalRecord): string[] {
  return drains.map(({ node, beganMs, endedMs, result }) => {
    if (endedMs === undefined) return `the drain of ${node} had not ended after ${span(durationMs - beganMs)}`;
    const took = span(endedMs - beganMs);
    const isDrained = result === undefined || result === 'exit code 0' || result === 'no protected pod remains';
    return isDrained ? `${node} drained in ${took}` : `the drain of ${node} ended after ${took}: ${result}`;
  });
}

/** `cb-0002 moved to node-2, cb-0005 to node-1`; a pod whose name does not come back has left. */
function movesIn({ pods }: RehearsalRecord): string | undefined {
  const gone = pods.filter(
    ({ cluster, goneMs, marks }) => cluster !== undefined && goneMs !== undefined && marks.marked,
  );
  if (gone.length === 0) return undefined;
  if (gone.length > MOST_MOVES) return `${count(gone.length, 'pod')} moved`;
  const inOrder = [...gone].sort((a, b) => (a.goneMs ?? 0) - (b.goneMs ?? 0));
  const moved = inOrder.flatMap((pod) => {
    const to = successorOf(pod, pods)?.node;
    return to === undefined ? [] : [{ name: pod.name, to }];
  });
  const left = inOrder.filter((pod) => successorOf(pod, pods)?.node === undefined);
  return [
    ...moved.map(({ name, to }, i) => `${name} ${i === 0 ? 'moved ' : ''}to ${to}`),
    ...left.map(({ name, node = 'its node' }) => `${name} left ${node}`),
  ].join(', ');
}

function successorOf(pod: PodRecord, pods: readonly PodRecord[]): PodRecord | undefined {
  const later = pods.filter(
    ({ namespace, name, createdMs }) => namespace === pod.namespace && name === pod.name && createdMs > pod.createdMs,
  );
  return later.sort((a, b) => a.createdMs - b.createdMs)[0];
}

function worstOf({ availability }: RehearsalRecord): string[] {
  return availability.flatMap(({ cluster, points }) => {
    const [first, ...others] = points;
    if (first === undefined) return [];
    const { ready, wanted } = others.reduce((least, one) => (one.ready < least.ready ? one : least), first);
    const of = availability.length > 1 ? ` of ${cluster}` : '';
    return [`never fewer than ${ready} of ${wanted} ready${of}`];
  });
}
