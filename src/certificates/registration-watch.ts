import type { Clock } from '../async/clock.ts';
import { createListWatch } from '../informer/list-watch.ts';
import { Reflector, wholeList } from '../informer/reflector.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import type { LogLevel } from '../log/messages.ts';
import { REGISTRATIONS } from './stored-objects.ts';

export interface RegistrationWatchOptions {
  readonly client: ApiClient;
  /** The one that is watched; RBAC can grant a watch by name. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
}

/** Tells the resourceVersion of the registration whenever it changes; empty where it is gone. */
export function watchRegistration({ client, name, clock, random, log }: RegistrationWatchOptions) {
  let tell: (resourceVersion: string) => void = () => undefined;
  const reflector = new Reflector<string>({
    name: 'validatingwebhookconfigurations',
    listWatch: createListWatch(client, REGISTRATIONS, undefined, `metadata.name=${name}`),
    project: versionOf,
    sink: {
      beginList: () => wholeList(([version = '']) => tell(version)),
      put: (version) => tell(version),
      remove: () => tell(''),
    },
    clock,
    random,
    log,
  });
  return {
    start(onChange: (resourceVersion: string) => void) {
      tell = onChange;
      reflector.start();
    },
    stop: () => reflector.stop(),
  };
}

function versionOf(object: JsonObject): string {
  return (object.metadata as { resourceVersion?: string } | undefined)?.resourceVersion ?? '';
}
