import { couchbaseCluster } from './couchbasecluster.ts';
import type { TrackerKind } from './kind.ts';
import { namespaceTracker } from './namespace.ts';

/** Every value that TRACKING_RESOURCE_TYPE can have. */
export const TRACKER_KINDS: readonly TrackerKind[] = [couchbaseCluster, namespaceTracker];

export type { TrackerKind };
