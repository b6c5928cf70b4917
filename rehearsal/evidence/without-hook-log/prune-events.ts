import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import type { EventReason } from '../../../src/kube/events.ts';
import { LOG } from '../../../src/log/messages.ts';
import type { Recorder } from '../recorder.ts';
import { reflect } from '../reflection.ts';
import type { Timeline } from '../timeline.ts';

interface EventView {
  readonly uid: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly message: string;
}

const REASON: EventReason = 'Rescheduled';

/**
 * Records the entries that are pruned from now on. It sees them by the hook's Events, because nobody reads the log of an
 * installed hook. If Events may not be read, it records nothing. Returns what stops it.
 */
export function watchPrunes(
  client: ApiClient,
  /** Undefined: all namespaces. */
  namespace: string | undefined,
  recorder: Recorder,
  timeline: Timeline,
): () => Promise<void> {
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const fieldSelector = `reason=${REASON},involvedObject.kind=Pod`;
  const known = new Set<string>();
  const record = ({ uid, pod, message }: EventView) => {
    if (known.has(uid)) return;
    known.add(uid);
    recorder.seen('pruned', pod);
    timeline.add({ who: 'hook', what: LOG.rescheduled, pod: pod.name, uid: pod.uid, detail: message });
  };
  let isFirst = true;
  const listed = (events: readonly EventView[]) => {
    // What was written before anybody watched is about another drain.
    if (isFirst) for (const { uid } of events) known.add(uid);
    else for (const event of events) record(event);
    isFirst = false;
  };
  const reflector = reflect<EventView>({
    client,
    name: 'events',
    path: `/api/v1${scope}/events`,
    fieldSelector,
    project: viewEvent,
    replace: listed,
    put: record,
  });
  reflector.start();
  return () => reflector.stop();
}

function viewEvent(object: JsonObject): EventView {
  const { metadata, involvedObject, message } = object as {
    metadata?: { uid?: string };
    involvedObject?: { namespace?: string; name?: string; uid?: string };
    message?: string;
  };
  const { namespace = '', name = '', uid = '' } = involvedObject ?? {};
  return { uid: metadata?.uid ?? '', pod: { namespace, name, uid }, message: message ?? '' };
}
