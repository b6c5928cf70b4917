import { formatAge } from '../../policy/duration.ts';
import type { PodObject } from '../scheduling/objects.ts';
import type { Finding } from './findings.ts';

/** A kubelet needs a moment after the grace period. */
const LATE_MS = 30_000;

/** Whether a pod that is terminating will be gone by itself; empty for any other pod. */
export function endingFindings({ metadata }: PodObject, now: number): Finding[] {
  const { deletionTimestamp, finalizers = [], namespace, name } = metadata;
  if (deletionTimestamp === undefined) return [];
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
