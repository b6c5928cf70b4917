import type { ApiRequest } from '../../../src/kube/client.ts';
import { refusal } from '../../support/api.ts';
import { RESCHEDULE } from '../../support/raw.ts';
import type { SimNode, SimPod, SimTracker } from './objects.ts';
import type { Witness } from './witness.ts';

/** Names of annotations, as a real API server checks them. */
const NAME_PART_MAX = 63;

interface MergePatch {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface PatchOp {
  readonly path: string;
  readonly value?: string;
}

type Found = SimPod | SimNode | SimTracker;

/** The state that a patch changes. */
interface Patched {
  readonly now: number;
  changePod(pod: SimPod, change: () => void): void;
  changeTracker(tracker: SimTracker, annotations: Readonly<Record<string, string>>): void;
}

/** The patches that the hook sends, with the guards and refusals of a real 1.36. Throws ApiError. */
export class Patches<Caller> {
  readonly #server: Patched;
  readonly #witness: Witness<Caller>;

  constructor(server: Patched, witness: Witness<Caller>) {
    this.#server = server;
    this.#witness = witness;
  }

  apply(found: Found, { contentType, body }: ApiRequest, caller: Caller): void {
    if (contentType === 'application/json-patch+json') this.#prune(found, body as readonly PatchOp[], caller);
    else this.#merge(found, (body as { metadata: MergePatch }).metadata, caller);
  }

  #merge(found: Found, patch: MergePatch, caller: Caller): void {
    if (!('uid' in found)) throw refusal(400);
    if (patch.uid !== undefined && patch.uid !== found.uid) {
      throw refusal(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } });
    }
    if (patch.resourceVersion !== undefined && patch.resourceVersion !== `${found.version}`) {
      throw refusal(409, { reason: 'Conflict' });
    }
    if ('kind' in found) this.#mark(found, patch.annotations[RESCHEDULE] ?? '', caller);
    else this.#write(found, patch.annotations, caller);
  }

  #mark(pod: SimPod, value: string, caller: Caller): void {
    if (pod.mark?.value === value) return;
    const mark = { value, at: this.#server.now, by: 'reschedule-hook' };
    // Told first: that the mark is there changes nothing that it depends on.
    this.#witness.wrote({ kind: 'mark', pod }, caller);
    this.#server.changePod(pod, () => Object.assign(pod, { mark }));
  }

  #write(tracker: SimTracker, annotations: Readonly<Record<string, string>>, caller: Caller): void {
    for (const [key, value] of Object.entries(annotations)) {
      if (key.slice(key.indexOf('/') + 1).length > NAME_PART_MAX) {
        throw refusal(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.annotations' }] } });
      }
      this.#witness.wrote({ kind: 'entry', tracker, key, value }, caller);
    }
    this.#server.changeTracker(tracker, { ...tracker.annotations, ...annotations });
  }

  #prune(found: Found, [test]: readonly PatchOp[], caller: Caller): void {
    const key = test?.path.split('/').at(-1)?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '';
    if (!('annotations' in found) || found.annotations[key] !== test?.value) throw refusal(422, { reason: 'Invalid' });
    const { [key]: value = '', ...rest } = found.annotations;
    this.#witness.wrote({ kind: 'prune', tracker: found, key, value }, caller);
    this.#server.changeTracker(found, rest);
  }
}
