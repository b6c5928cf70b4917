import { LOG } from '../../src/log/messages.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import type { PodChange } from '../evidence/pod-watch.ts';
import type { Timeline } from '../evidence/timeline.ts';
import type { OperatorEvent } from '../operator/stand-in-operator.ts';

export function tellOperatorEvent(timeline: Timeline, event: OperatorEvent): void {
  switch (event.kind) {
    case 'created':
    case 'ready':
    case 'rebalanced':
    case 'deleted': {
      const { kind, pod, uid, node, why } = event;
      timeline.add({
        who: 'operator',
        what: kind,
        pod,
        uid,
        ...(node ? { node } : {}),
        ...(why ? { detail: why } : {}),
      });
      return;
    }
    case 'waiting':
      timeline.add({ who: 'operator', what: 'waiting', detail: event.why });
      return;
    case 'failed':
      timeline.add({ who: 'operator', what: 'failed', detail: event.error });
  }
}

export function tellPodChange(timeline: Timeline, change: PodChange, { name, uid, node }: PodView): void {
  // What nobody else tells: where pods go, and when they are gone.
  if (change !== 'scheduled' && change !== 'gone') return;
  timeline.add({ who: 'cluster', what: change, pod: name, uid, ...(node ? { node } : {}) });
}

const TOLD: readonly string[] = [
  LOG.waiting,
  LOG.marked,
  LOG.released,
  LOG.doubt,
  LOG.refused,
  LOG.rescheduled,
  LOG.stalled,
];

/** What the hook logs about pods of that namespace, and its errors. */
export function tellHookLine(timeline: Timeline, line: LogLine, namespace: string): void {
  if (line.namespace !== namespace || !(TOLD.includes(line.message) || line.level === 'error')) return;
  const text = (field: string) => (typeof line[field] === 'string' ? { [field]: line[field] } : {});
  timeline.add({
    who: 'hook',
    what: line.message,
    ...text('pod'),
    ...text('node'),
    ...text('uid'),
    ...(line.answer === undefined ? {} : { detail: String(line.answer) }),
  });
}
