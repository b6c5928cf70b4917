import { Keeper, type KeeperOptions } from '../../src/certificates/certificate-keeper.ts';
import type { Pair } from '../../src/certificates/certificate-source.ts';
import { lifetimesOf } from '../../src/certificates/lifetimes.ts';
import type { SeenRegistration, SeenSecret, WriteOutcome } from '../../src/certificates/stored-objects.ts';
import { aLog } from './log.ts';
import { FakeClock, settle, until } from './time.ts';

export const NOW = Date.parse('2026-06-01T00:00:00Z');
export const HOUR = 3_600_000;
export const SERVING_MS = 4 * HOUR;
export const CA_MS = 12 * HOUR;

/** The Secret and the registration as an API server keeps them, for any number of replicas. */
export class FakeObjects {
  data: Record<string, string> | undefined;
  /** One caBundle for each webhook; undefined if there is no registration. */
  bundles: string[] | undefined = [''];
  readonly writes: string[] = [];
  /** Runs before each call; if it throws, the error is the response. */
  before: (call: string) => void = () => undefined;
  readonly listeners: ((resourceVersion: string) => void)[] = [];
  #secretVersion = 1;
  #registrationVersion = 1;

  /** Changes the Secret as another client would. */
  putData(data: Record<string, string> | undefined): void {
    this.data = data;
    this.#secretVersion++;
  }

  putBundles(bundles: string[] | undefined): void {
    this.bundles = bundles;
    this.#registrationVersion++;
    for (const tell of this.listeners) tell(bundles === undefined ? '' : `${this.#registrationVersion}`);
  }

  async readSecret(): Promise<SeenSecret | undefined> {
    await this.#call('read secret');
    return this.data && { data: { ...this.data }, object: { version: this.#secretVersion } };
  }

  async writeSecret(texts: Readonly<Record<string, string>>, seen: SeenSecret | undefined): Promise<WriteOutcome> {
    await this.#call('write secret');
    const isSame = seen === undefined ? this.data === undefined : seen.object.version === this.#secretVersion;
    if (!isSame) return 'changed';
    this.putData({ ...texts });
    this.writes.push('secret');
    return 'written';
  }

  async readRegistration(): Promise<SeenRegistration | undefined> {
    await this.#call('read registration');
    const webhooks = this.bundles?.map((bundle, index) => ({ index, bundle }));
    return webhooks && { resourceVersion: `${this.#registrationVersion}`, webhooks };
  }

  async writeBundle(seen: SeenRegistration, bundle: string): Promise<WriteOutcome> {
    await this.#call('write bundle');
    if (seen.resourceVersion !== `${this.#registrationVersion}`) return 'changed';
    this.writes.push('bundle');
    this.putBundles(seen.webhooks.map(() => bundle));
    return 'written';
  }

  async #call(name: string): Promise<void> {
    await Promise.resolve();
    this.before(name);
  }
}

/** A replica on these objects. `go` advances every clock. */
export function aReplica(objects: FakeObjects, clock = new FakeClock(), start = NOW) {
  const log = aLog();
  const served: Pair[] = [];
  const wall = { now: start };
  const options: KeeperOptions = {
    objects,
    watch: {
      start: (tell) => void objects.listeners.push(tell),
      async stop() {},
    },
    hosts: ['hook.db.svc', 'localhost'],
    registration: 'hook',
    secret: 'ca',
    lifetimes: lifetimesOf(SERVING_MS, CA_MS),
    log,
    clock: {
      now: () => wall.now,
      monotonicNow: clock.monotonicNow,
      setTimer: (callback, ms) => clock.setTimer(callback, ms),
      timeoutSignal: (ms) => clock.timeoutSignal(ms),
    },
    random: () => 0,
  };
  const keeper = new Keeper(options);
  return {
    keeper,
    log,
    served,
    wall,
    clock,
    start: () => keeper.start((pair) => void served.push(pair)),
    /** Waits until the replica only waits for the clock, with every signature done. */
    rest: () => until(() => clock.timers > 0, 'the replica to rest'),
    /** Advances the clocks in steps of a minute, and lets the replica finish its work at each step. */
    async go(ms: number) {
      for (let left = ms; left > 0; left -= 60_000) {
        wall.now += Math.min(left, 60_000);
        await clock.advance(Math.min(left, 60_000));
        await until(() => clock.timers > 0, 'the replica to rest');
      }
      await settle();
    },
  };
}
