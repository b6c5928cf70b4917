import { formatAge } from '../../policy/duration.ts';
import { hasEnded, type PodObject } from '../scheduling/objects.ts';
import type { DrainFacts } from './facts.ts';
import type { Finding } from './findings.ts';

/** A kubelet needs a moment after the grace period. */
const LATE_MS = 30_000;
/** The controller of Jobs removes it when the pod has ended. */
const OF_JOBS = 'batch.kubernetes.io/job-tracking';

/** Whether a pod that is terminating will be gone by itself; empty for any other pod. */
export function endingFindings({ metadata }: PodObject, now: number): Finding[] {
  const { deletionTimestamp, namespace, name } = metadata;
  if (deletionTimestamp === undefined) return [];
  const finalizers = metadata.finalizers?.filter((one) => one !== OF_JOBS) ?? [];
  const lateMs = now - Date.parse(deletionTimestamp);
  if (finalizers.length > 0) {
    const text = `It is terminating, and stays until somebody removes the finalizers ${finalizers.join(', ')}.`;
    const remedy = `Find out who owns these finalizers, and why it has not acted: kubectl -n ${namespace} describe pod ${name}`;
    return [{ what: 'Terminating', verdict: 'hangs', text, remedy }];
  }
  if (lateMs > LATE_MS) {
    const text = `It is terminating, and its grace period was over ${formatAge(lateMs)} ago.`;
    const remedy = `Look whether the kubelet of its node works. If not: kubectl -n ${namespace} delete pod ${name} --force`;
    return [{ what: 'Terminating', verdict: 'hangs', text, remedy }];
  }
  return [{ what: 'Terminating', verdict: 'delays', text: 'It is terminating already.', remedy: '' }];
}

/** A pod on a node whose kubelet is away does not end, whoever deletes it. One that has finished needs no kubelet. */
export function kubeletFindings(pod: PodObject, { world }: Pick<DrainFacts, 'world'>): Finding[] {
  const node = world.nodes.find(({ metadata }) => metadata.name === pod.spec.nodeName);
  const isLost = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown');
  if (!isLost || hasEnded(pod)) return [];
  const text = `The kubelet of ${pod.spec.nodeName} has not been heard of, so the pod does not end there.`;
  const remedy =
    'Bring the kubelet back. If the machine is off for good, taint it: node.kubernetes.io/out-of-service=nodeshutdown:NoExecute.';
  return [{ what: 'NodeLost', verdict: 'hangs', text, remedy }];
}
