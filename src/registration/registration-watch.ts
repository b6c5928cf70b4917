import type { Clock } from '../async/clock.ts';
import { createListWatch } from '../informer/list-watch.ts';
import { Reflector, wholeList } from '../informer/reflector.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { REGISTRATIONS } from '../kube/paths.ts';
import type { LogLevel } from '../log/messages.ts';

/** Wakes who looks after the registration when it changes, or when something else that it depends on does (undefined). */
export type CreateWatch = (onChange: (resourceVersion: string | undefined) => void) => {
  start(): void;
  stop(): Promise<void>;
};

export interface RegistrationWatchOptions {
  readonly client: ApiClient;
  /** The one that is watched; RBAC can grant a watch by name. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  /** Called with its resourceVersion whenever it changes; with an empty one if it is gone. */
  readonly onChange: (resourceVersion: string) => void;
}

/** Watches the registration; nothing of it is kept. */
export function watchRegistration(options: RegistrationWatchOptions): Pick<Reflector<string>, 'start' | 'stop'> {
  const { client, name, clock, random, log, onChange } = options;
  return new Reflector<string>({
    name: 'validatingwebhookconfigurations',
    listWatch: createListWatch(client, REGISTRATIONS, undefined, `metadata.name=${name}`),
    project: versionOf,
    sink: {
      beginList: () => wholeList(([version = '']) => onChange(version)),
      put: (version) => onChange(version),
      remove: () => onChange(''),
    },
    clock,
    random,
    log,
  });
}

function versionOf(object: JsonObject): string {
  return (object.metadata as { resourceVersion?: string } | undefined)?.resourceVersion ?? '';
}
