import type { ConfiguredProfile } from '../../src/config/profiles/configured-profile.ts';

/** A profile of the pods with the label `app=<name>`, without entries. */
export const aProfile = (name: string): ConfiguredProfile => ({
  name,
  selectors: [[{ op: 'in', key: 'app', values: [name] }]],
  requires: [],
  conflicts: [],
  mark: { key: `${name}.example/move`, value: 'true', match: 'exact' },
  names: 'new',
  tracking: { type: 'off', also: [] },
  stallAfterMs: 60_000,
});
