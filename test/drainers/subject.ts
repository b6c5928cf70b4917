import { fastClock, REAL_CLOCK } from '../../rehearsal/drainers/clock.ts';
import { drainerOf } from '../../rehearsal/drainers/drain-node.ts';
import type { Drainer } from '../../rehearsal/drainers/drainer.ts';
import { type KubectlOptions, kubectlDrainer } from '../../rehearsal/drainers/kubectl.ts';
import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import type { ApiClient } from '../../src/kube/client.ts';

/** A drainer that is put to the test. */
export interface Subject {
  readonly name: string;
  /** How many of its seconds pass in one. */
  readonly times: number;
  /** The operator does not act before, in ms on its clock. */
  readonly holdMs: number;
  drainer(client: ApiClient): Drainer;
  /** Absent for what is no model. */
  readonly model?: DrainerModel;
}

/** So many pauses of a drainer pass before the operator acts. */
const PAUSES = 2.5;
const PAUSE_MS = 1_000;
const FAR = 100;
/** Every limit comes after so long on the wall. */
const LIMIT_MS = 8_000;

/** Of one that begins anew: a window has to be long enough for a machine that has much else to do. */
const WINDOW_MS = 6_000;

/**
 * The drainer of a model, on a clock on which one of its pauses takes a second, or one of its windows some more. Its limit
 * is far away, because a slow machine would need more time than its operator.
 */
export function subjectOf(model: DrainerModel): Subject {
  const pauseMs = pauseOf(model);
  const { window } = model.way.kind === 'patient' ? model.way : {};
  // The first one has to pass.
  const holdMs = window === undefined ? PAUSES * pauseMs : window.limitMs + PAUSES * pauseMs;
  const times = window === undefined ? pauseMs / PAUSE_MS : window.limitMs / WINDOW_MS;
  const { limit, ...endless } = model;
  const patient = limit === undefined ? model : { ...endless, limit: { ...limit, afterMs: limit.afterMs * FAR } };
  return at(model, Math.max(1, times), holdMs, patient);
}

/** The same, on a clock on which its limit comes soon. */
export function subjectAtLimit(model: DrainerModel): Subject {
  const { afterMs = 0 } = model.limit ?? {};
  return at(model, afterMs / LIMIT_MS, afterMs);
}

function at(model: DrainerModel, times: number, holdMs: number, acting = model): Subject {
  const clock = times === 1 ? REAL_CLOCK : fastClock(times);
  return { name: model.name, times, holdMs, model, drainer: (client) => drainerOf(acting, client, clock) };
}

/** The longest pause between two requests for a pod; a second if there is none. */
export function pauseOf({ way }: DrainerModel): number {
  if (way.kind === 'patient') return Math.max(PAUSE_MS, way.retryAfterMs);
  return way.kind === 'pass' ? way.everyMs : PAUSE_MS;
}

const KUBECTL_PAUSE_MS = 5_000;
/** A time limit for a real kubectl: four requests. */
export const KUBECTL_LIMIT_S = 20;

/** A real kubectl, which has no other clock than that on the wall. */
export function kubectlSubject(name: string, options: KubectlOptions): Subject {
  return { name, times: 1, holdMs: PAUSES * KUBECTL_PAUSE_MS, drainer: () => kubectlDrainer(options) };
}

/** The same, with a time limit. */
export function kubectlAtLimit(name: string, options: KubectlOptions): Subject {
  const args = [`--timeout=${KUBECTL_LIMIT_S}s`];
  return { name, times: 1, holdMs: KUBECTL_LIMIT_S * 1000, drainer: () => kubectlDrainer({ ...options, args }) };
}
