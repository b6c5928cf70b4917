import { describeError } from '../../../src/kube/errors.ts';
import type { Recipe } from './recipe.ts';

export interface NotJudged {
  readonly recipe: Recipe;
  readonly why: string;
}

/** Clusters that are judged beside each other, step by step. One that fails takes no other with it. */
export class Batch {
  readonly notJudged: NotJudged[] = [];
  #left: readonly Recipe[];
  #step = 'begun';
  #done = 0;

  constructor(recipes: readonly Recipe[]) {
    this.#left = recipes;
  }

  /** Those that have not failed. */
  get left(): readonly Recipe[] {
    return this.#left;
  }

  /** How far the batch is, for people. */
  get progress(): string {
    const [first, last] = [this.#left.at(0)?.name, this.#left.at(-1)?.name];
    return `${first} to ${last}: ${this.#step} ${this.#done} of ${this.#left.length}`;
  }

  /** Resolves to what became of those that did not fail. `step`: what they are after it. */
  async each<T>(step: string, take: (recipe: Recipe) => Promise<T>): Promise<ReadonlyMap<Recipe, T>> {
    return this.#all(step, take, (takeOne) => Promise.all(this.#left.map(takeOne)));
  }

  /** The same, one after the other: many at once would be too much for the machine. */
  async inTurn<T>(step: string, take: (recipe: Recipe) => Promise<T>): Promise<ReadonlyMap<Recipe, T>> {
    return this.#all(step, take, async (takeOne) => {
      for (const recipe of this.#left) await takeOne(recipe);
    });
  }

  async #all<T>(
    step: string,
    take: (recipe: Recipe) => Promise<T>,
    run: (takeOne: (recipe: Recipe) => Promise<void>) => Promise<unknown>,
  ): Promise<ReadonlyMap<Recipe, T>> {
    this.#step = step;
    this.#done = 0;
    const taken = new Map<Recipe, T>();
    await run(async (recipe) => {
      try {
        taken.set(recipe, await take(recipe));
      } catch (error) {
        this.notJudged.push({ recipe, why: `not ${step}: ${describeError(error)}` });
      }
      this.#done++;
    });
    this.#left = this.#left.filter((recipe) => taken.has(recipe));
    return taken;
  }
}
