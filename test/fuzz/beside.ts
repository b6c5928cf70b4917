import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type Peer, review, type Wire } from './wire.ts';

const TICK_MS = 5;
const PAUSE_MS = 20;
/** Five seconds where the machine has nothing else to do; where it has, ticks come late, as answers may. */
const TICKS = 1_000;

/** Valid reviews that are asked beside something else, one after the other. */
export class Beside {
  answers = 0;
  readonly #wire: Wire;
  readonly #kept: Peer;
  readonly #ticks: number;
  readonly #done: Promise<void>;
  #isOver = false;
  #failure: unknown;

  private constructor(wire: Wire, kept: Peer, ticks: number) {
    this.#wire = wire;
    this.#kept = kept;
    this.#ticks = ticks;
    this.#done = this.#run();
  }

  /** Resolves once the first are answered. */
  static async begin(wire: Wire, ticks = TICKS): Promise<Beside> {
    const beside = new Beside(wire, await wire.connect(), ticks);
    await beside.more();
    return beside;
  }

  /** A whole round that begins from now on. Rejects where one was not answered in time, or not as it should be. */
  async more(): Promise<void> {
    // One may be in hand, which was asked before.
    const wanted = this.answers + 3;
    await eventually(() => this.answers >= wanted || this.#failure !== undefined, 'answers beside it');
    if (this.#failure !== undefined) throw this.#failure;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
    this.#kept.socket.destroy();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isOver) {
        await this.#inTime(this.#wire.isWell(), 'on a new connection');
        await this.#inTime(this.#askKept(), 'on a connection that was of use before');
        await sleep(PAUSE_MS);
      }
    } catch (error) {
      this.#failure = error;
    }
  }

  async #askKept(): Promise<void> {
    const peer = this.#kept;
    peer.received = '';
    peer.socket.write(review({ name: 'cb-0001' }));
    await eventually(() => peer.received.includes('"code":429') || peer.socket.destroyed, 'the answer');
    if (!peer.received.includes('"code":429')) throw new Error('the connection was ended');
  }

  /** In turns of this process and not in time, so that a machine which is busy elsewhere is not taken for a server that hangs. */
  async #inTime(work: Promise<void>, what: string): Promise<void> {
    let isAnswered = false;
    const answered = work.finally(() => {
      isAnswered = true;
    });
    answered.catch(() => undefined);
    const late = async () => {
      for (let tick = 0; tick < this.#ticks && !isAnswered; tick++) await sleep(TICK_MS);
      if (!isAnswered) throw new Error(`a valid review ${what} is not answered within ${this.#ticks} ticks`);
    };
    await Promise.race([answered, late()]);
    await answered;
    this.answers++;
  }
}
