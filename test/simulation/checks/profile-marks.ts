import type { Write } from '../model/change-listener.ts';
import { valueFor } from '../model/families.ts';
import { EPOCH, type SimPod } from '../model/objects.ts';
import type { Ledger } from './ledger.ts';

/** How old the `{now}` of a mark may be when that is carried out: it may have been on its way, and clocks are rounded. */
const OLD_MS = 200_000;

/** Checks that a pod gets the mark of its profile (p), and that no mark is overwritten that any value is (q). */
export function checkProfileMark(ledger: Ledger, { pod, key, value }: Extract<Write, { kind: 'mark' }>): void {
  const { profile, mark, kind, uid } = pod;
  if (kind !== 'member') return;
  if (key !== profile?.mark.key) {
    ledger.violate('p', `${uid} of the profile ${profile?.name} gets the mark ${key}=${value}`);
    return;
  }
  if (!isItsValue(ledger, pod, value)) ledger.violate('p', `${uid} gets the value ${value} of the mark ${key}`);
  if (profile.mark.match === 'present' && mark !== undefined)
    ledger.violate('q', `${uid} has the mark ${mark.value} by ${mark.by}, and it is overwritten with ${value}`);
}

/** It may have been decided on before the pod had a node. */
function isItsValue({ clock }: Ledger, pod: SimPod, value: string): boolean {
  const { profile, labels } = pod;
  if (profile === undefined) return false;
  if (profile.mark.value === '{now}') return Math.abs(EPOCH + clock.now - Date.parse(value)) <= OLD_MS;
  const placed = [pod, { ...pod, node: undefined }];
  return placed.some((one) => valueFor(profile, labels.app ?? '', one) === value);
}
