/**
 * The component of config/ that grants what a built-in profile needs besides. Both ways to ask ArangoDB for a move are about the
 * same resource, and so are the parts of one TidbCluster.
 */
export const profileComponent = (profile: string): string =>
  `profile-${profile.replace(/-replace$|-(tikv|pd|tidb)$/, '')}`;
