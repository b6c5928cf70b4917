/** How the clusters that are judged name what they have. */
import type { Recipe } from './recipe.ts';

export const CLUSTER = 'cb';
export const MERGE_PATCH = 'application/merge-patch+json';
export const HOSTNAME = 'kubernetes.io/hostname';
export const CORDON = 'node.kubernetes.io/unschedulable';
/** An extended resource. */
export const DISKS = 'test.example.com/disk';
/** The label of a pod that members may have to be beside. */
export const COMPANION = { companion: 'true' };
/** On a busy machine, for the whole of a batch. */
export const PATIENCE = { timeoutMs: 300_000 };

export const firstNode = ({ name }: Recipe) => `${name}-1`;
export const otherNode = ({ name }: Recipe, i: number) => `${name}-${i + 2}`;

/** Whether a member asks for one of a scarce thing. */
export const needsDisk = ({ limit, others }: Recipe) =>
  limit === 'disk' || others.some(({ block }) => block === 'disk');

/** Members that must be on several nodes need them before they are there. */
export const opensAll = ({ operator, limit }: Recipe) =>
  operator !== 'couchbase' || limit === 'apart' || limit === 'spread';
