/** What holds for longer than a round, and is no fault that is over when its round is. */
export const SPELLS = ['wrong clocks', 'no bookmarks'] as const;
export type SpellName = (typeof SPELLS)[number];

export interface Spell {
  readonly name: SpellName;
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;
/** In the five and a half hours of the job of each week there is an hour of wrong clocks. */
const CYCLE_MS = 30 * MINUTE_MS;
const CYCLE: readonly Spell[] = [
  { name: 'wrong clocks', fromMs: 5 * MINUTE_MS, toMs: 10.5 * MINUTE_MS },
  // A watch that hears nothing for 100 s is given up, and after 180 s a list takes its place.
  { name: 'no bookmarks', fromMs: 15 * MINUTE_MS, toMs: 20 * MINUTE_MS },
];

/** Whether it holds so long after the start. */
export function isSpell(name: SpellName, elapsedMs: number): boolean {
  const inCycle = elapsedMs % CYCLE_MS;
  return CYCLE.some((spell) => spell.name === name && spell.fromMs <= inCycle && inCycle < spell.toMs);
}

/** For how long it is to hold in a run that is so long; only whole cycles count, since a round may last beyond the end. */
export function plannedMs(name: SpellName, durationMs: number): number {
  const inCycle = CYCLE.filter((spell) => spell.name === name).map(({ fromMs, toMs }) => toMs - fromMs);
  return Math.floor(durationMs / CYCLE_MS) * inCycle.reduce((sum, ms) => sum + ms, 0);
}

/** What has held, as told by whoever casts and ends it: the plan says when a spell is due, not whether it was cast. */
export class SpellLog {
  readonly #ended: Spell[] = [];
  readonly #since = new Map<SpellName, number>();

  /** From now on it holds, or does not. */
  tell(name: SpellName, holds: boolean, atMs: number): void {
    const fromMs = this.#since.get(name);
    if (holds && fromMs === undefined) this.#since.set(name, atMs);
    if (holds || fromMs === undefined) return;
    this.#since.delete(name);
    this.#ended.push({ name, fromMs, toMs: atMs });
  }

  /** One that has not ended is counted until now. */
  until(atMs: number): Spell[] {
    return [...this.#ended, ...[...this.#since].map(([name, fromMs]) => ({ name, fromMs, toMs: atMs }))];
  }
}

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A clock jumps from each of these to the next. */
const AHEAD_MS = [2 * HOUR_MS, -45 * MINUTE_MS, 90_000, 400 * DAY_MS, -400 * DAY_MS];

/** How far two clocks are ahead in the n-th round of wrong clocks; they never agree. */
export function clocksIn(n: number): readonly [number, number] {
  const at = (index: number) => AHEAD_MS[index % AHEAD_MS.length] ?? 0;
  return [at(n), at(n + 2)];
}
