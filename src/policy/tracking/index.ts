import { couchbaseCluster } from './couchbasecluster.ts';
import { namespaceTracking } from './namespace.ts';
import type { Tracking } from './tracking.ts';

/** The kinds of tracking, one for each value of TRACKING_RESOURCE_TYPE. */
export const TRACKINGS: readonly Tracking[] = [couchbaseCluster, namespaceTracking];

export { NO_TRACKING, type TrackerPlace, type Tracking } from './tracking.ts';
