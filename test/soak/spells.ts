/** What holds for longer than a round, and is no fault that is over when its round is. */
export type SpellName = 'wrong clocks' | 'no bookmarks';

export interface Spell {
  readonly name: SpellName;
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;
/** In eight hours there is an hour of wrong clocks. */
const CYCLE_MS = 30 * MINUTE_MS;
const CYCLE: readonly Spell[] = [
  { name: 'wrong clocks', fromMs: 5 * MINUTE_MS, toMs: 8.75 * MINUTE_MS },
  // A watch that hears nothing for 100 s is given up, and after 180 s a list takes its place.
  { name: 'no bookmarks', fromMs: 15 * MINUTE_MS, toMs: 20 * MINUTE_MS },
];

/** Whether it holds so long after the start. */
export function isSpell(name: SpellName, elapsedMs: number): boolean {
  const inCycle = elapsedMs % CYCLE_MS;
  return CYCLE.some((spell) => spell.name === name && spell.fromMs <= inCycle && inCycle < spell.toMs);
}

/** All of a run that is so long. */
export function spellsIn(durationMs: number): Spell[] {
  const cycles = Array.from({ length: Math.ceil(durationMs / CYCLE_MS) }, (_, n) => n * CYCLE_MS);
  return cycles.flatMap((startMs) =>
    CYCLE.map(({ name, fromMs, toMs }) => ({
      name,
      fromMs: startMs + fromMs,
      toMs: Math.min(durationMs, startMs + toMs),
    })).filter(({ fromMs }) => fromMs < durationMs),
  );
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
