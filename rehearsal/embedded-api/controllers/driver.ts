import { ApiFailure } from '../storage/failure.ts';
import type { World } from '../storage/world.ts';

/**
 * One of the cluster's own components. It looks at everything there is, does what is missing, and says in how many ms it
 * wants to look again although nothing changes. Looking twice does nothing twice.
 */
export type Component = (world: World) => number | undefined;

export interface DriverOptions {
  readonly world: World;
  readonly components: readonly Component[];
  /** How long after a change they look. */
  readonly delayMs: number;
  readonly onError: (error: Error) => void;
}

/** Lets the components look whenever something has changed. */
export class Driver {
  readonly #options: DriverOptions;
  #stopListening: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lookAt = Number.POSITIVE_INFINITY;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopListening !== undefined) return;
    const { world, delayMs } = this.#options;
    this.#stopListening = world.store.listen(() => this.#lookIn(delayMs));
    this.#lookIn(0);
  }

  stop(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearTimeout(this.#timer);
    this.#lookAt = Number.POSITIVE_INFINITY;
  }

  #lookIn(ms: number): void {
    const at = this.#options.world.now() + ms;
    if (at >= this.#lookAt) return;
    clearTimeout(this.#timer);
    this.#lookAt = at;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    this.#lookAt = Number.POSITIVE_INFINITY;
    for (const component of this.#options.components) this.#letLook(component);
  }

  #letLook(component: Component): void {
    const { world, onError, delayMs } = this.#options;
    try {
      const again = component(world);
      if (again !== undefined) this.#lookIn(Math.max(again, delayMs));
    } catch (error) {
      // Refused, as any client may be: the next look decides anew.
      if (error instanceof ApiFailure) this.#lookIn(delayMs);
      else onError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
