import { createHash } from 'node:crypto';
import type { ObservedRegistration } from './registration.ts';

/** Names the replica that wrote the webhooks, so that replicas of different settings do not write them in turn. */
export const DECIDED_BY = 'reschedule.hook/decided-by';

const POD_NAME = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/** A replica, as the API server knows it, and what it wants. */
export interface DecidedBy {
  readonly pod: string;
  readonly uid: string;
  /** When its Pod was created, as the API server writes it. */
  readonly created: string;
  /** Of what it wants; two replicas of the same settings have the same. */
  readonly wants: string;
}

export function digestOf(wanted: unknown): string {
  return createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 16);
}

export function formatDecidedBy({ pod, uid, created, wants }: DecidedBy): string {
  return JSON.stringify({ pod, uid, created, wants });
}

/** undefined where there is none, or nothing that a replica would write. */
export function decidedBy({ annotations }: ObservedRegistration): DecidedBy | undefined {
  try {
    const { pod, uid, created, wants } = JSON.parse(annotations[DECIDED_BY] ?? '') as Partial<DecidedBy>;
    const texts = [pod, uid, created, wants];
    if (!texts.every((text) => typeof text === 'string' && text !== '' && text.length <= 253)) return undefined;
    // No Pod has another name. To ask for it would fail each time, and nothing would be put right.
    if (!POD_NAME.test(pod ?? '')) return undefined;
    return { pod, uid, created, wants } as DecidedBy;
  } catch {
    return undefined;
  }
}

/** Whether the Pod of `one` was created after that of `other`. Of two in one second the name decides. */
export function isLater(one: Pick<DecidedBy, 'pod' | 'created'>, other: Pick<DecidedBy, 'pod' | 'created'>): boolean {
  const [a, b] = [Date.parse(one.created), Date.parse(other.created)];
  return a === b ? one.pod > other.pod : a > b;
}
