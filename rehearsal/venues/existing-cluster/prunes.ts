import { systemClock } from '../../../src/async/system-clock.ts';
import { createListWatch } from '../../../src/informer/list-watch.ts';
import { Reflector, wholeList } from '../../../src/informer/reflector.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import type { EventReason } from '../../../src/kube/events.ts';
import { LOG } from '../../../src/log/messages.ts';
import type { Recorder } from '../../evidence/recorder.ts';
import type { Timeline } from '../../evidence/timeline.ts';

interface EventView {
  readonly uid: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly message: string;
}

const REASON: EventReason = 'Rescheduled';

/**
 * Tells of entries that are pruned from now on, by the Events that the hook writes of them: the log of an installed hook is
 * not read. Where Events may not be read, nothing is told. Resolves to what stops it.
 */
export function watchPrunes(
  client: ApiClient,
  /** Absent: all namespaces. */
  namespace: string | undefined,
  recorder: Recorder,
  timeline: Timeline,
): () => Promise<void> {
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const fields = `reason=${REASON},involvedObject.kind=Pod`;
  const known = new Set<string>();
  const tell = ({ uid, pod, message }: EventView) => {
    if (known.has(uid)) return;
    known.add(uid);
    recorder.seen('pruned', pod);
    timeline.add({ who: 'hook', what: LOG.rescheduled, pod: pod.name, uid: pod.uid, detail: message });
  };
  let isFirst = true;
  const listed = (events: readonly EventView[]) => {
    // What was written before anybody watched is about another drain.
    if (isFirst) for (const { uid } of events) known.add(uid);
    else for (const event of events) tell(event);
    isFirst = false;
  };
  const reflector = new Reflector<EventView>({
    name: 'events',
    listWatch: createListWatch(client, `/api/v1${scope}/events`, undefined, fields),
    project: viewEvent,
    sink: { put: tell, remove: () => undefined, beginList: () => wholeList(listed) },
    clock: systemClock,
    random: Math.random,
    log: () => undefined,
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
