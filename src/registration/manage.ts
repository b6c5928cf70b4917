import { type Clock, timeLimit } from '../async/clock.ts';
import { createListWatch } from '../informer/list-watch.ts';
import type { Cached, Store } from '../informer/store.ts';
import type { ApiClient } from '../kube/client.ts';
import { createGuardedObjects, type GuardedObjects } from '../kube/guarded-objects.ts';
import { collectionPath } from '../kube/paths.ts';
import type { Log } from '../log/messages.ts';
import type { Selector } from '../policy/model.ts';
import { ManagedRegistration } from './managed-registration.ts';
import { Registration } from './registration.ts';
import { type CreateWatch, watchRegistration } from './registration-watch.ts';
import { createReplicaPods } from './replica-pods.ts';
import { scopeOf, usedScope } from './scope.ts';
import { UsedNamespaces } from './used-namespaces.ts';

/** The settings of an installation that fills its registration. */
export interface Place {
  readonly webhookConfiguration: string;
  readonly serviceName: string;
  readonly servicePort: number;
  readonly podNamespace: string;
  readonly podName: string;
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly protectNamespaces: { readonly text: string; readonly selector?: Selector };
}

/** A call that hangs must not hold up what comes next for longer: the registration may have been emptied meanwhile. */
const CALL_MS = 5_000;

/** The protected pods, once they are watched. */
export type ProtectedPods = () => Pick<Store<Cached>, 'subscribe' | 'hasSynced'> & {
  /** In the API server's syntax: those that any of them selects. */
  readonly labelSelectors: readonly string[];
};

interface Shared {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The registration of this installation, and the watch that tells of its changes. */
export function manageRegistration(
  client: ApiClient,
  place: Place,
  keepStrangersMs: number,
  shared: Shared & { readonly protectedPods: ProtectedPods },
) {
  const { webhookConfiguration: name, serviceName, servicePort, podNamespace, podName, failurePolicy } = place;
  const { text, selector } = place.protectNamespaces;
  const { log, clock, random, protectedPods } = shared;
  const objects = inTime(createGuardedObjects(client), clock);
  const service = { namespace: podNamespace, name: serviceName, port: servicePort };
  const used = new UsedNamespaces({
    clock,
    hasSynced: () => protectedPods().hasSynced,
    async hasPods(namespace, signal) {
      const path = collectionPath('/api/v1', 'pods', namespace);
      for (const selector of protectedPods().labelSelectors) {
        const { list } = createListWatch(client, path, selector);
        const { items } = await within(clock, signal, (limited) => list({ limit: 1, signal: limited }));
        if (items.length > 0) return true;
      }
      return false;
    },
  });
  const managed = new ManagedRegistration({
    registration: new Registration(objects, name, service),
    pods: createReplicaPods(objects, podNamespace),
    podName,
    service,
    failurePolicy,
    scope: text === 'used' ? usedScope(text, used, podNamespace) : scopeOf(text, selector, podNamespace),
    keepStrangersMs,
    log,
    clock,
    random,
  });
  const createWatch: CreateWatch = (onChange) => {
    const watch = watchRegistration({
      client,
      name,
      clock,
      random,
      log: (level, message, fields) => log[level](message, fields),
      onChange,
    });
    return {
      start() {
        watch.start();
        if (text !== 'used') return;
        used.onFirst = () => onChange(undefined);
        protectedPods().subscribe((change) => used.observe(change));
      },
      stop: () => watch.stop(),
    };
  };
  return { managed, createWatch };
}

type Timers = Pick<Clock, 'setTimer'>;

/** Runs a call that is aborted after a while. */
async function within<T>(clock: Timers, outer: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>) {
  const limit = timeLimit(clock, CALL_MS, outer);
  try {
    return await call(limit.signal);
  } finally {
    limit.close();
  }
}

function inTime(objects: GuardedObjects, clock: Timers): Pick<GuardedObjects, 'read' | 'patch'> {
  return {
    read: (path, signal, options) => within(clock, signal, (limited) => objects.read(path, limited, options)),
    patch: (path, operations, signal) => within(clock, signal, (limited) => objects.patch(path, operations, limited)),
  };
}
