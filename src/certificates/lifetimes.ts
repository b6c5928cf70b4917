const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** All times of the hook's own certificates, in milliseconds; they follow from the two that are set. */
export interface Lifetimes {
  readonly servingMs: number;
  readonly caMs: number;
  /** How often a replica looks without being woken. */
  readonly lookEveryMs: number;
  /** How long the registration carries an authority before it signs: an API server learns of a change by a watch. */
  readonly settleMs: number;
  /** How long the registration carries an authority that nobody here knows. A mounted Secret is up to two minutes old. */
  readonly keepStrangersMs: number;
}

export function lifetimesOf(servingMs: number, caMs: number): Lifetimes {
  return {
    servingMs,
    caMs,
    lookEveryMs: Math.min(MINUTE_MS, servingMs / 10),
    settleMs: Math.min(MINUTE_MS, servingMs / 10),
    keepStrangersMs: Math.min(HOUR_MS, servingMs),
  };
}

/** It begins a year back, as its authority does: an API server whose clock is behind would refuse one that is not valid yet. */
export function servingValidity(now: number, lifetimeMs: number, endsAt: number) {
  return { notBefore: new Date(now - YEAR_MS), notAfter: new Date(Math.min(now + lifetimeMs, endsAt)) };
}

/**
 * The validity of a new authority. It begins a year back, because the clock of the replica that makes it may be ahead. API
 * servers would refuse what is not valid yet. Nothing is lost by it, as its key is new.
 */
export function caValidity(now: number, lifetimeMs: number) {
  return { notBefore: new Date(now - YEAR_MS), notAfter: new Date(now + lifetimeMs) };
}
