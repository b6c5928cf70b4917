import { LOG } from '../../src/log/messages.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import type { OperatorEvent } from '../operator/operator-options.ts';
import type { PodChange } from './pod-watch.ts';
import type { Happening } from './timeline.ts';

/** What the stand-in operator did. */
export function ofOperator(event: OperatorEvent): Happening {
  switch (event.kind) {
    case 'created':
    case 'ready':
    case 'rebalanced':
    case 'deleted':
    case 'reported': {
      const { kind, pod, uid, node, why } = event;
      return { who: 'operator', what: kind, pod, uid, ...(node ? { node } : {}), ...(why ? { detail: why } : {}) };
    }
    case 'waiting':
      return { who: 'operator', what: 'waiting', detail: event.why };
    case 'failed':
      return { who: 'operator', what: 'failed', detail: event.error };
  }
}

/** Where a pod went, and when it was gone. Undefined for changes that somebody else reports. */
export function ofPod(change: PodChange, { name, uid, node }: PodView): Happening | undefined {
  if (change !== 'scheduled' && change !== 'gone') return undefined;
  return { who: 'cluster', what: change, pod: name, uid, ...(node ? { node } : {}) };
}

const SHOWN: readonly string[] = [
  LOG.waiting,
  LOG.marked,
  LOG.released,
  LOG.doubt,
  LOG.refused,
  LOG.rescheduled,
  LOG.stalled,
];

/** What the hook logged about pods of that namespace, and its errors. Undefined for all else. */
export function ofHook(line: LogLine, namespace: string | undefined): Happening | undefined {
  if (line.namespace !== namespace || !(SHOWN.includes(line.message) || line.level === 'error')) return undefined;
  const text = (field: string) => (typeof line[field] === 'string' ? { [field]: line[field] } : {});
  return {
    who: 'hook',
    what: line.message,
    ...text('pod'),
    ...text('node'),
    ...text('uid'),
    ...(line.answer === undefined ? {} : { detail: String(line.answer) }),
  };
}
