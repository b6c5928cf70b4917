import type { PodManifest } from '../../testkit/couchbase/member.ts';

/** Binds new members to a node, whatever drains it, as a local volume and a toleration of everything would. */
export interface Pin {
  node?: string;
  /** The pods that are bound. Undefined: all that are created. */
  names?: ReadonlySet<string> | undefined;
}

export function pinned(pod: PodManifest, { node, names }: Pin): PodManifest {
  const isBound = node !== undefined && (names === undefined || names.has(String(pod.metadata.name)));
  if (!isBound) return pod;
  const nodeSelector = { ...(pod.spec.nodeSelector as object | undefined), 'kubernetes.io/hostname': node };
  return { ...pod, spec: { ...pod.spec, nodeSelector, tolerations: [{ operator: 'Exists' }] } };
}
