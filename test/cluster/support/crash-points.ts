import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import type { Passing, Verdict } from './api-gate.ts';
import { callOff, HASTY, letWithdrawnPass } from './called-off.ts';
import { type DoomedCall, isGetOf, isPatchOf } from './doom.ts';
import type { Scene } from './scene.ts';

/** What a drain is played with. */
export interface Stage {
  readonly scene: Scene;
  readonly hook: HookProcess;
  /** Whether the hook has been killed and started again. */
  readonly isBack: () => boolean;
}

/** One of the calls of a drain and of the reconciling after it. */
export interface CrashPoint {
  readonly call: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The drain is over by then: the crash is the controller's. */
  readonly isAfterwards?: boolean;
  /** Not made where the drainer asks just while the name is gone; so somebody asks once more. */
  readonly isAskedAgain?: boolean;
  /** `touch` writes the tracking resource as somebody else. */
  readonly doom: (touch: () => Promise<unknown>) => DoomedCall;
  /** What comes before the drain. */
  readonly lead?: (stage: Stage) => Promise<void>;
}

export const MEMBERS = ['cb-0000', 'cb-0001'] as const;
export const BY_NAMESPACE = { TRACKING_RESOURCE_TYPE: 'namespace' };

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const MEMBER = /\/pods\/cb-\d+$/;
const CLUSTER = /\/couchbaseclusters\/cb$/;
const NAMESPACE = /^\/api\/v1\/namespaces\/[^/]+$/;
const API = /^\/apis\/couchbase\.com\/v2$/;
const isEvent = ({ method, path }: Passing) => method === 'POST' && path.endsWith('/events');
const isEntry = isPatchOf(CLUSTER, MERGE);
const isPrune = isPatchOf(CLUSTER, JSON_PATCH);

const at = (is: DoomedCall['is']) => () => ({ is });

const refusal = (code: number): Verdict => ({ kind: 'refuse', code, body: {} });

/** The cluster comes after the list, and no watch tells of it. */
function unseen({ query, path }: Passing): Verdict | undefined {
  return query.has('watch') && path.endsWith('/couchbaseclusters') ? refusal(503) : undefined;
}

/** Something in between says that there is no such thing, in words of its own. */
function denied(request: Passing): Verdict | undefined {
  return isGetOf(CLUSTER)(request) ? refusal(404) : unseen(request);
}

/** Somebody else writes the cluster just before the first entry comes to it. */
function overtaking(touch: () => Promise<unknown>): (request: Passing) => Verdict | undefined {
  let touched: Promise<unknown> | undefined;
  return (request) => {
    if (touched !== undefined || !isEntry(request)) return undefined;
    touched = touch();
    return { kind: 'hold', until: touched };
  };
}

/** A drain is called off; minutes later its entries are to go, and it is for that that the controller reads the pods. */
async function untilWithdrawn({ scene, hook, isBack }: Stage): Promise<void> {
  await callOff(scene, MEMBERS);
  await letWithdrawnPass(scene, hook, MEMBERS.length);
  await untilTrue('the hook to be killed, and back', isBack);
  await letWithdrawnPass(scene, hook, MEMBERS.length);
  await untilTrue('the entries to be pruned', async () => Object.keys(await scene.entries()).length === 0);
  scene.operator.resume();
}

export const POINTS: readonly CrashPoint[] = [
  { call: 'entry', doom: at(isEntry) },
  { call: 'mark', doom: at(isPatchOf(MEMBER, MERGE)) },
  { call: 'read-pod', doom: at(isGetOf(MEMBER)) },
  { call: 'read-node', doom: at(isGetOf(/\/nodes\/[^/]+$/)), isAskedAgain: true },
  {
    call: 'read-tracker-after-conflict',
    doom: (touch) => ({ is: isGetOf(CLUSTER), meddle: overtaking(touch) }),
  },
  { call: 'read-tracker-unseen', doom: () => ({ is: isGetOf(CLUSTER), meddle: unseen }) },
  { call: 'discovery-of-groups', doom: () => ({ is: isGetOf(/^\/apis$/), meddle: denied }) },
  { call: 'discovery-of-kinds', doom: () => ({ is: isGetOf(API), meddle: denied }) },
  { call: 'read-before-prune', doom: at(isMembersReadAlone), env: HASTY, lead: untilWithdrawn },
  { call: 'prune', doom: at(isPrune), isAfterwards: true },
  { call: 'event', doom: at(isEvent) },
  {
    call: 'last-event',
    doom: at((request, passed) => isEvent(request) && passed.some(isPrune)),
    isAfterwards: true,
  },
  { call: 'ns-entry', doom: at(isPatchOf(NAMESPACE, MERGE)), env: BY_NAMESPACE },
  { call: 'ns-prune', doom: at(isPatchOf(NAMESPACE, JSON_PATCH)), isAfterwards: true, env: BY_NAMESPACE },
];

/** Both are marked, so that nothing but the controller has a reason to read one. */
function isMembersReadAlone(request: Passing, passed: readonly Passing[]): boolean {
  return isGetOf(MEMBER)(request) && passed.filter(isPatchOf(MEMBER, MERGE)).length === MEMBERS.length;
}
