import type { Replica } from './replica.ts';
import { clocksIn, isSpell, type Spell, SpellLog } from './spells.ts';

/** How the API server begins its line. */
const BOOKMARK = '{"type":"BOOKMARK"';

interface Target {
  readonly gate: Pick<Replica['gate'], 'event'>;
  readonly order: Replica['order'];
}

/** Begins and ends what holds for longer than a round, and keeps what has held. */
export class Caster {
  readonly #targets: readonly [Target, Target];
  readonly #log = new SpellLog();
  readonly #elapsedMs: () => number;
  #clockRounds = 0;
  #aheadMs = 0;

  constructor(targets: readonly [Target, Target], elapsedMs: () => number) {
    this.#targets = targets;
    this.#elapsedMs = elapsedMs;
  }

  /** Before each round. */
  async cast(): Promise<void> {
    const dueMs = this.#elapsedMs();
    this.#castBookmarks(isSpell('no bookmarks', dueMs));
    await this.#castClocks(isSpell('wrong clocks', dueMs));
  }

  /** How far the clock of the first target is ahead now. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** What has held until then. */
  until(atMs: number): Spell[] {
    return this.#log.until(atMs);
  }

  #castBookmarks(isMute: boolean): void {
    for (const { gate } of this.#targets) gate.event = (line) => !isMute || !line.startsWith(BOOKMARK);
    this.#log.tell('no bookmarks', isMute, this.#elapsedMs());
  }

  async #castClocks(isWrong: boolean): Promise<void> {
    if (!isWrong && this.#clockRounds === 0) return;
    const ahead = isWrong ? clocksIn(this.#clockRounds) : [0, 0];
    this.#clockRounds = isWrong ? this.#clockRounds + 1 : 0;
    this.#aheadMs = ahead[0] ?? 0;
    await Promise.all(this.#targets.map(({ order }, i) => order({ aheadMs: ahead[i] ?? 0 })));
    this.#log.tell('wrong clocks', isWrong, this.#elapsedMs());
  }
}
