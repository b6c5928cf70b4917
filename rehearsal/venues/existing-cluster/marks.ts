import { LOG } from '../../../src/log/messages.ts';
import type { PodView } from '../../../testkit/pods.ts';
import type { Recorder } from '../../evidence/recorder.ts';
import type { Timeline } from '../../evidence/timeline.ts';

export interface Annotation {
  readonly key: string;
  readonly value: string;
}

export const isMarked = ({ annotations }: PodView, { key, value }: Annotation) => annotations[key] === value;

/** Tells of marks by the pods that carry them: the log of an installed hook is not read. */
export function markTeller(annotation: Annotation, recorder: Recorder, timeline: Timeline) {
  return (pod: PodView, before: PodView | undefined) => {
    if (!isMarked(pod, annotation) || (before !== undefined && isMarked(before, annotation))) return;
    const { namespace, name, uid, node } = pod;
    recorder.hookLine({ message: LOG.marked, decision: 'mark', namespace, pod: name, uid, ...(node ? { node } : {}) });
    timeline.add({ who: 'hook', what: LOG.marked, pod: name, uid, ...(node ? { node } : {}) });
  };
}
