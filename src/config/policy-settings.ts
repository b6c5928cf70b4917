import type { PolicySettings } from '../policy/profiles/profile.ts';
import { createTracking } from '../policy/tracking/index.ts';
import type { Config } from './config.ts';

/** The settings that the policy needs. There is one profile, and its name is not configurable. */
export function policySettingsOf(config: PolicyConfig): PolicySettings {
  const { selector, annotationKey, annotationValue, stallAfterMs, podNamespace } = config;
  const { drainTaints, replacementCondition, markWhen, exemptUsers, retentionMs } = config;
  const installation = config.webhookConfiguration;
  const tracking = createTracking(config.tracking, { namespace: podNamespace, installation });
  const mark = { key: annotationKey, value: annotationValue, match: 'exact' } as const;
  const names = { selectors: [selector], requires: [], mark, names: 'byTracker' } as const;
  const profile = { name: 'couchbase', ...names, tracking, stallAfterMs };
  return { profiles: [profile], installation, drainTaints, replacementCondition, markWhen, exemptUsers, retentionMs };
}

export type PolicyConfig = Pick<
  Config,
  | 'selector'
  | 'annotationKey'
  | 'annotationValue'
  | 'tracking'
  | 'stallAfterMs'
  | 'drainTaints'
  | 'replacementCondition'
  | 'markWhen'
  | 'exemptUsers'
  | 'retentionMs'
  | 'webhookConfiguration'
  | 'podNamespace'
>;
