import { configMapTracking, type Home } from './configmap.ts';
import { couchbaseCluster } from './couchbasecluster.ts';
import { namespaceTracking } from './namespace.ts';
import { NO_TRACKING, readingAlso, type Tracking } from './tracking.ts';

/** The kinds of tracking, one for each value of TRACKING_RESOURCE_TYPE. */
const KINDS = {
  couchbasecluster: () => couchbaseCluster,
  namespace: () => namespaceTracking,
  configmap: configMapTracking,
} as const satisfies Readonly<Record<string, (home: Home) => Tracking>>;

export type TrackingType = keyof typeof KINDS;
export const TRACKING_TYPES = Object.keys(KINDS) as readonly TrackingType[];

/** Which kind of tracking entries are written to, and which are read as well. */
export interface TrackingChoice {
  readonly type: TrackingType | 'off';
  readonly also: readonly TrackingType[];
}

export function createTracking({ type, also }: TrackingChoice, home: Home): Tracking {
  if (type === 'off') return NO_TRACKING;
  const others = TRACKING_TYPES.filter((other) => other !== type && also.includes(other));
  const written = KINDS[type](home);
  return others.length === 0
    ? written
    : readingAlso(
        written,
        others.map((other) => KINDS[other](home)),
      );
}

/** Whether it needs to know the namespace of the hook. */
export const keepsConfigMaps = ({ type, also }: TrackingChoice): boolean =>
  type === 'configmap' || (type !== 'off' && also.includes('configmap'));

export type { Home } from './configmap.ts';
export { NO_TRACKING, type TrackedAt, type TrackerPlace, type Tracking } from './tracking.ts';
