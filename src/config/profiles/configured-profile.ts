import type { Selector } from '../../policy/model.ts';
import type { HindranceSource } from '../../policy/profiles/hindrance.ts';
import type { Profile } from '../../policy/profiles/profile.ts';
import type { TrackingChoice, TrackingType } from '../../policy/tracking/index.ts';
import type { Values } from '../settings.ts';
import { NO_MARK, type ReadMark } from './written-mark.ts';
import type { ReadProfile } from './written-profile.ts';

/** A profile as the settings have it: where it keeps entries is a choice, and not yet an object. */
export interface ConfiguredProfile extends Omit<Profile, 'tracking'> {
  readonly tracking: TrackingChoice;
  /** What it may do to data, for people. */
  readonly warning?: string;
}

/** The settings that fill what a profile leaves open. */
type Defaults = Pick<Values, 'isTracking' | 'trackingType' | 'trackingAlsoRead' | 'stallAfterMs'>;
type OfOneOperator = Defaults &
  Pick<Values, 'selectorKey' | 'selectorValue' | 'fullSelector' | 'annotationKey' | 'annotationValue'>;

/** Without PROFILES: the settings of one operator are one profile. */
export function onlyProfile(values: OfOneOperator): ConfiguredProfile {
  const { selectorKey, selectorValue, fullSelector, annotationKey: key, annotationValue: value } = values;
  const selector: Selector = fullSelector ?? [{ op: 'in', key: selectorKey, values: [selectorValue] }];
  return {
    name: 'couchbase',
    selectors: [selector],
    requires: [],
    mark: { key, value, match: 'exact' },
    names: 'byTracker',
    tracking: { type: values.isTracking ? values.trackingType : 'off', also: values.trackingAlsoRead },
    stallAfterMs: values.stallAfterMs,
    conflicts: [],
  };
}

export function configured(read: ReadProfile, defaults: Defaults): ConfiguredProfile {
  const {
    name,
    selector,
    requires,
    mark,
    names,
    maxConcurrent,
    hindrance = [],
    report,
    withdraw,
    conflicts,
    warning,
  } = read;
  return {
    name,
    selectors: selector,
    requires: requires.map(({ key, value }) => (value === undefined ? { key } : { key, value })),
    ...asking(mark),
    names,
    tracking: { type: read.tracking ?? defaultTracking(read, defaults), also: defaults.trackingAlsoRead },
    stallAfterMs: read.stallAfter ?? defaults.stallAfterMs,
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(hindrance.length === 0 ? {} : { hindrances: hindrance.map(hindranceOf) }),
    ...(read.respectBudgets ? { respectsBudgets: true } : {}),
    ...(read.neverAlone ? { neverAlone: true } : {}),
    ...(report === undefined ? {} : { report }),
    ...(withdraw ? { withdraws: true } : {}),
    conflicts,
    ...(warning === undefined ? {} : { warning }),
  };
}

/** How its operator is asked. */
function asking(mark: ReadMark): Pick<ConfiguredProfile, 'mark' | 'request'> {
  if (mark === NO_MARK) return {};
  if (!('on' in mark)) return { mark: { key: mark.annotation, value: mark.value, match: mark.match } };
  const { kind, resource, label } = mark.on;
  const onlyIf = mark.onlyIf.map(({ at, word, is, isNot }) => ({
    path: at,
    word,
    ...(is === undefined ? {} : { is }),
    ...(isNot === undefined ? {} : { isNot }),
  }));
  if ('form' in mark) return { request: { kind, ...resource, label, onlyIf, form: { name: mark.form } } };
  const { annotation: key, value, doneAt } = mark;
  const form = { key, value, ...(doneAt === undefined ? {} : { doneAt }) };
  return { request: { kind, ...resource, label, onlyIf, form } };
}

function hindranceOf({
  kind,
  resource,
  label,
  reports,
}: NonNullable<ReadProfile['hindrance']>[number]): HindranceSource {
  return { kind, ...resource, label, reports: reports.map(({ at, is, word }) => ({ path: at, is, word })) };
}

/** Only members of a CouchbaseCluster have one. */
function defaultTracking({ names }: ReadProfile, { isTracking, trackingType }: Defaults): TrackingType | 'off' {
  if (!isTracking) return 'off';
  return trackingType === 'couchbasecluster' && names !== 'byTracker' ? 'namespace' : trackingType;
}
