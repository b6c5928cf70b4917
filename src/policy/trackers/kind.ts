import type { Pod } from '../model.ts';

/** A kind of tracking resource: where its objects are, which one is a pod's, and whether names come back. */
export interface TrackerKind {
  /** The value of TRACKING_RESOURCE_TYPE, and the first part of a reconcile key. */
  readonly type: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** `/api/v1` or `/apis/<group>/<version>` */
  readonly apiPath: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** The labels that `nameFor` looks at. */
  readonly labelKeys: readonly string[];
  /** The name of the pod's tracking resource, or why it has none. */
  nameFor(pod: Pod): { readonly name: string } | { readonly missing: string };
  /** Whether the operator recreates a moved pod under its own name, so that an entry is needed. Takes the raw object. */
  reusesNames(object: unknown): boolean;
  /** Tracker.hindrance: why a marked pod may have to wait, as far as the object tells. Takes the raw object. */
  hindrance(object: unknown): string | undefined;
}
