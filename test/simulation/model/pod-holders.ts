import type { JsonObject } from '../../../src/kube/client.ts';
import type { PodKind } from './api-server.ts';

/** Which watches of a process have a pod. It is gone for the process when the last of them has lost it. */
export class PodHolders {
  /** The version that each watch has seen last, by name. */
  readonly #versions = new Map<PodKind, Map<string, number>>();

  keep(kind: PodKind, raw: JsonObject): void {
    const versions = this.#versions.get(kind) ?? new Map();
    this.#versions.set(kind, versions.set(nameOf(raw), versionOf(raw)));
  }

  /** Whether no other watch has it. */
  lose(kind: PodKind, name: string): boolean {
    this.#versions.get(kind)?.delete(name);
    return [...this.#versions.values()].every((versions) => !versions.has(name));
  }

  names(kind: PodKind): string[] {
    return [...(this.#versions.get(kind)?.keys() ?? [])];
  }

  /** Whether another watch has seen a newer version than that of a list. */
  isOutdated(kind: PodKind, raw: JsonObject): boolean {
    return [...this.#versions].some(([other, versions]) => {
      return other !== kind && versionOf(raw) < (versions.get(nameOf(raw)) ?? -1);
    });
  }
}

const nameOf = (raw: JsonObject) => (raw.metadata as { name: string }).name;
const versionOf = (raw: JsonObject) => Number((raw.metadata as { resourceVersion: string }).resourceVersion);
