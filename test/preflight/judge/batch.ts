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
  async each<T>(
    step: string,
    take: (recipe: Recipe) => Promise<T>,
    atOnce = this.#left.length,
  ): Promise<ReadonlyMap<Recipe, T>> {
    this.#step = step;
    this.#done = 0;
    const taken = new Map<Recipe, T>();
    const waiting = [...this.#left];
    const work = async () => {
      for (let recipe = waiting.shift(); recipe !== undefined; recipe = waiting.shift()) {
        try {
          taken.set(recipe, await take(recipe));
        } catch (error) {
          this.notJudged.push({ recipe, why: `not ${step}: ${describeError(error)}` });
        }
        this.#done++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    this.#left = this.#left.filter((recipe) => taken.has(recipe));
    return taken;
  }
}
