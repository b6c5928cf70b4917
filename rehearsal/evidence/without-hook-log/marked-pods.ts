import { LOG } from '../../../src/log/messages.ts';
import type { PodView } from '../../../testkit/pods.ts';
import { type Annotation, isMarked } from '../../operator/model.ts';
import type { Recorder } from '../recorder.ts';
import type { Timeline } from '../timeline.ts';

/** Records a mark when it appears on its pod, because nobody reads the log of an installed hook. */
export function recordMark(
  pod: PodView,
  before: PodView | undefined,
  annotation: Annotation,
  { recorder, timeline }: { readonly recorder: Recorder; readonly timeline: Timeline },
): void {
  if (!isMarked(pod, annotation) || (before !== undefined && isMarked(before, annotation))) return;
  const { namespace, name, uid, node } = pod;
  recorder.hookLine({ message: LOG.marked, decision: 'mark', namespace, pod: name, uid, ...(node ? { node } : {}) });
  timeline.add({ who: 'hook', what: LOG.marked, pod: name, uid, ...(node ? { node } : {}) });
}
