import { couchbaseCluster } from './couchbasecluster.ts';
import { namespaceTracking } from './namespace.ts';
import type { Tracking } from './tracking.ts';

/** Every value that TRACKING_RESOURCE_TYPE can have. */
export const TRACKINGS: readonly Tracking[] = [couchbaseCluster, namespaceTracking];

export { NO_TRACKING, type TrackerPlace, type Tracking } from './tracking.ts';
