import type { OperatorModel } from '../../rehearsal/operator/model.ts';
import { modelsNamed } from '../../rehearsal/operator/models/index.ts';

/** One kind of profile, and the profile that stands for it. */
export interface Kind {
  readonly profile: string;
  /** How the move is asked for, and what becomes of the name. */
  readonly title: string;
}

export const KINDS: readonly Kind[] = [
  { profile: 'couchbase', title: 'a mark on the pod; the name comes back' },
  { profile: 'arangodb-replace', title: 'a mark on the pod; a new name' },
  { profile: 'vitess-tablet', title: 'the operator reports, and the hook evicts' },
  { profile: 'pgo-primary', title: 'a request on another object; the drainer evicts' },
  { profile: 'foundationdb-taints', title: 'no mark: the operator follows taints' },
  { profile: 'tidb-v1-tikv', title: 'one of a group at a time (`maxConcurrent`)' },
];

export function operatorOf({ profile }: Kind): OperatorModel {
  const [model] = modelsNamed(profile);
  if (model === undefined) throw new Error(`there is no operator ${profile}`);
  return model;
}
