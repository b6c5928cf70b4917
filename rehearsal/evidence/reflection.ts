import { systemClock } from '../../src/async/system-clock.ts';
import { createListWatch } from '../../src/informer/list-watch.ts';
import { Reflector, wholeList } from '../../src/informer/reflector.ts';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';

export interface ReflectionOptions<T> {
  readonly client: ApiClient;
  /** The plural of the kind. */
  readonly name: string;
  /** That of the collection. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  project(object: JsonObject): T;
  /** Is given each whole list. */
  replace(objects: readonly T[]): void;
  put(object: T): void;
  readonly remove?: (object: T) => void;
  readonly onTrouble?: (message: string, fields: Record<string, unknown>) => void;
}

/** A reflector as every watch of a rehearsal uses it. It is not started. */
export function reflect<T>(options: ReflectionOptions<T>): Reflector<T> {
  const { client, name, path, labelSelector, fieldSelector, project, remove = () => undefined, onTrouble } = options;
  return new Reflector<T>({
    name,
    listWatch: createListWatch(client, path, labelSelector, fieldSelector),
    project,
    sink: {
      put: (object) => options.put(object),
      remove,
      beginList: () => wholeList((objects) => options.replace(objects)),
    },
    clock: systemClock,
    random: Math.random,
    log: (level, message, fields) => {
      if (level === 'warn') onTrouble?.(message, fields);
    },
  });
}
