import type { Grant, Permission } from '../../src/kube/permissions.ts';

/** What RBAC knows of them. */
export const grantsOf = (permissions: readonly Permission[]): Grant[] =>
  permissions.map(({ purpose: _, ...grant }) => grant);
