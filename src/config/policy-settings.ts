import type { PolicySettings } from '../policy/profiles/profile.ts';
import { createTracking, type Tracking, type TrackingChoice } from '../policy/tracking/index.ts';
import type { Config } from './config.ts';

/** The settings that the policy needs. Profiles that keep entries in the same way share what they are kept on. */
export function policySettingsOf(config: PolicyConfig): PolicySettings {
  const { drainTaints, drainConditions, replacementCondition, markWhen, exemptUsers, retentionMs, podNamespace } =
    config;
  const { readsNamespacePolicy } = config;
  const installation = config.webhookConfiguration;
  const trackings = new Map<string, Tracking>();
  const trackingFor = (choice: TrackingChoice) => {
    const tracking = trackings.get(choice.type) ?? createTracking(choice, { namespace: podNamespace, installation });
    trackings.set(choice.type, tracking);
    return tracking;
  };
  const profiles = config.profiles.map(({ warning: _, tracking, ...profile }) => ({
    ...profile,
    tracking: trackingFor(tracking),
  }));
  return {
    profiles,
    installation,
    drainTaints,
    drainConditions,
    replacementCondition,
    markWhen,
    exemptUsers,
    retentionMs,
    readsNamespacePolicy,
  };
}

export type PolicyConfig = Pick<
  Config,
  | 'profiles'
  | 'drainTaints'
  | 'drainConditions'
  | 'replacementCondition'
  | 'markWhen'
  | 'exemptUsers'
  | 'retentionMs'
  | 'readsNamespacePolicy'
  | 'webhookConfiguration'
  | 'podNamespace'
>;
