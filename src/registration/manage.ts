import type { Clock } from '../async/clock.ts';
import type { ApiClient } from '../kube/client.ts';
import { createGuardedObjects } from '../kube/guarded-objects.ts';
import type { Log } from '../log/messages.ts';
import type { Selector } from '../policy/model.ts';
import { ManagedRegistration } from './managed-registration.ts';
import { Registration } from './registration.ts';
import { watchRegistration } from './registration-watch.ts';
import { createReplicaPods } from './replica-pods.ts';
import { scopeOf } from './scope.ts';

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

interface Shared {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The registration of this installation, and the watch that tells of its changes. */
export function manageRegistration(client: ApiClient, place: Place, keepStrangersMs: number, shared: Shared) {
  const { webhookConfiguration: name, serviceName, servicePort, podNamespace, podName, failurePolicy } = place;
  const { text, selector } = place.protectNamespaces;
  const { log, clock, random } = shared;
  const objects = createGuardedObjects(client);
  const service = { namespace: podNamespace, name: serviceName, port: servicePort };
  const managed = new ManagedRegistration({
    registration: new Registration(objects, name, service),
    pods: createReplicaPods(objects, podNamespace),
    podName,
    service,
    failurePolicy,
    scope: scopeOf(text, selector, podNamespace),
    keepStrangersMs,
    log,
    clock,
    random,
  });
  const createWatch = (onChange: (resourceVersion: string) => void) =>
    watchRegistration({
      client,
      name,
      clock,
      random,
      log: (level, message, fields) => log[level](message, fields),
      onChange,
    });
  return { managed, createWatch };
}
