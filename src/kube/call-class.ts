import { resourceOf } from './paths.ts';

/**
 * What calls are told apart by, so that slow ones hold up only their own kind:
 * - `watch`: lists and watches;
 * - `read`: live reads of pods, nodes and registrations, and writes of registrations. No webhook stands before them;
 * - `tracker`: live reads of other objects and of discovery. A conversion webhook can make them hang;
 * - `write`: marks and entries. Any webhook of the cluster can make them hang;
 * - `other`: Events, certificates, and the review of permissions.
 */
export const CALL_CLASSES = ['watch', 'read', 'tracker', 'write', 'other'] as const;
export type CallClass = (typeof CALL_CLASSES)[number];

/** What one class may have: connections, and calls that wait for one. Namespaces share them, as keys of a Bulkhead. */
export interface Share {
  readonly connections: number;
  readonly leavesPlaces?: boolean;
  readonly waiting: number;
}

export type Shares = Readonly<Record<CallClass, Share>>;

/**
 * In all 216 connections. Live reads have as many as all calls together once had: over a slow network their number is what
 * limits how many evictions a second are answered. Watches are 44 at most. These are pods by 24 selectors, nodes, three kinds
 * that carry entries, and their Namespaces. Twelve kinds report hindrances. Registrations are watched twice, and one namespace
 * is listed before it is registered no more. While profiles change there are twice as many. A webhook usually makes the
 * writes of some namespaces slow, so a namespace leaves as many connections for writes free as it has.
 */
export const SHARES: Shares = {
  watch: { connections: 96, waiting: 64 },
  read: { connections: 64, waiting: 1_000 },
  tracker: { connections: 16, waiting: 500 },
  write: { connections: 32, leavesPlaces: true, waiting: 500 },
  other: { connections: 8, waiting: 500 },
};

/** Resources that no answer to an eviction needs. */
const UPKEEP: readonly string[] = ['events', 'secrets', 'selfsubjectaccessreviews', 'selfsubjectreviews'];
/** Resources that no conversion webhook stands before. */
const READ: readonly string[] = ['pods', 'nodes', 'poddisruptionbudgets'];
/** No webhook stands before its writes either, and while it is empty protected pods go: it must not wait for Events. */
const REGISTRATION = 'validatingwebhookconfigurations';

export function classOf({ method, path, query }: ClassifiedCall): CallClass {
  if (query?.watch !== undefined || query?.limit !== undefined) return 'watch';
  const resource = resourceOf(path);
  if (resource === REGISTRATION || (method === 'GET' && READ.includes(resource))) return 'read';
  if (UPKEEP.includes(resource)) return 'other';
  return method === 'GET' ? 'tracker' : 'write';
}

interface ClassifiedCall {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
}
