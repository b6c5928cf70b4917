import { SETTINGS } from '../support/builders.ts';
import { PODS, type WorldPod } from './pods.ts';

/** What a body asks for, read without anything of the product. */
export interface Meaning {
  /** Absent: no AdmissionReview that could be answered. */
  readonly reviewUid?: string;
  /** What the decision table would do with it, if it can be read at all. */
  readonly table: 'allow' | 'mark' | 'deny';
  readonly pod?: WorldPod;
}

/** A member of its own, or undefined: what lies on a prototype was not said. */
function own(value: unknown, ...path: readonly string[]): unknown {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

export function meaningOf(text: string): Meaning {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { table: 'deny' };
  }
  const uid = own(body, 'request', 'uid');
  const isReview = own(body, 'kind') === 'AdmissionReview' && own(body, 'apiVersion') !== undefined;
  if (!isReview || typeof uid !== 'string') return { table: 'deny' };
  const request = own(body, 'request');
  const pod = PODS.find(({ name }) => own(request, 'namespace') === 'db' && own(request, 'name') === name);
  return { reviewUid: uid, table: tableFor(request, pod), ...(pod ? { pod } : {}) };
}

/** The table of docs/decision-table.md, for this world, in the words of the wire. */
function tableFor(request: unknown, pod: WorldPod | undefined): Meaning['table'] {
  if (!isEviction(request) || isExempt(own(request, 'userInfo', 'username'))) return 'allow';
  if (pod === undefined) return 'deny';
  const named = own(request, 'object', 'deleteOptions', 'preconditions', 'uid') ?? undefined;
  if (pod.lot !== 'allow' && named !== undefined && named !== pod.uid) return 'deny';
  if (pod.lot === 'allow' || isDryRun(request) || (named !== undefined && mayEnd(pod, request))) return 'allow';
  return pod.lot === 'mark' ? 'mark' : 'deny';
}

/** One that is named is let go if it is over, or on its way out with the time that it was given. */
function mayEnd({ lot }: WorldPod, request: unknown): boolean {
  return lot === 'finished' || (lot === 'ending' && grantsItsGrace(request));
}

function isEviction(request: unknown): boolean {
  return (
    own(request, 'operation') === 'CREATE' &&
    own(request, 'resource', 'group') === '' &&
    own(request, 'resource', 'resource') === 'pods' &&
    own(request, 'subResource') === 'eviction'
  );
}

function isExempt(username: unknown): boolean {
  return SETTINGS.exemptUsers.some((exempt) => exempt === username);
}

function isDryRun(request: unknown): boolean {
  const inBody = own(request, 'object', 'deleteOptions', 'dryRun');
  return own(request, 'dryRun') === true || (Array.isArray(inBody) && inBody.length > 0);
}

function grantsItsGrace(request: unknown): boolean {
  const seconds = own(request, 'object', 'deleteOptions', 'gracePeriodSeconds') ?? 30;
  return typeof seconds === 'number' && seconds >= 30;
}
