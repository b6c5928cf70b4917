import type { Grant, Permission } from '../../src/kube/permissions.ts';

/** The permissions without their purpose, which RBAC does not know. */
export const grantsOf = (permissions: readonly Permission[]): Grant[] =>
  permissions.map(({ purpose: _, ...grant }) => grant);
