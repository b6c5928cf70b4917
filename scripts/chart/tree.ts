import { isDeepStrictEqual } from 'node:util';

export type Scalar = string | number | boolean | null;
export type Json = Scalar | readonly Json[] | { readonly [key: string]: Json };

/** What an object is under a condition, which is an expression of Helm's templates. */
export interface Variant {
  readonly when: string;
  /** Absent: there is none. */
  readonly value: Json | undefined;
}

/** A manifest, and where it depends on values. */
export type Node =
  | { readonly kind: 'scalar'; readonly value: Scalar }
  | { readonly kind: 'map'; entries: (readonly [key: string, node: Node])[] }
  | { readonly kind: 'list'; items: Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Option[]; readonly otherwise: Node | undefined }
  /** Lines of a template in the place of an entry or an item, at that indentation. */
  | { readonly kind: 'block'; readonly lines: (indent: number) => readonly string[] }
  /** The rest of a line, after the key. */
  | { readonly kind: 'inline'; readonly text: string };

export interface Option {
  readonly when: string;
  readonly node: Node | undefined;
}

/** The tree of a value that depends on nothing. */
export function constant(value: Json): Node {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(constant) };
  if (isMap(value)) return { kind: 'map', entries: Object.entries(value).map(([key, one]) => [key, constant(one)]) };
  return { kind: 'scalar', value: value as Scalar };
}

/** One tree of what an object is by itself, and of what it is under conditions. Absent: it is nowhere. */
export function merge(base: Json | undefined, variants: readonly Variant[]): Node | undefined {
  const changed = variants.filter(({ value }) => !isDeepStrictEqual(value, base));
  if (changed.length === 0) return base === undefined ? undefined : constant(base);
  const all = [base, ...changed.map(({ value }) => value)];
  if (all.every(isMap)) {
    const entries = keysOf(all).map((key) => [key, mergeAt(base, variants, (map) => map[key])] as const);
    return { kind: 'map', entries: entries.flatMap(([key, node]) => (node === undefined ? [] : [[key, node]])) };
  }
  if (all.every(isNamed)) {
    const names = keysOf(all.map((list) => Object.fromEntries(list.map(({ name }) => [name, null]))));
    return listOf(
      names.map((name) => mergeAt(base, variants, (list) => (list as Named).find((one) => one.name === name))),
    );
  }
  if (all.every((one) => Array.isArray(one) && one.every(isMap))) {
    const longest = Math.max(...all.map((list) => (list as readonly Json[]).length));
    return listOf(
      Array.from({ length: longest }, (_, index) =>
        choose(
          at(base, index),
          variants.map(({ when, value }) => ({ when, value: at(value, index) })),
        ),
      ),
    );
  }
  return choose(base, base === undefined ? withTogether(variants) : variants);
}

/** Of lists that only variants have, those of several at once come first: all of them count. */
function withTogether(variants: readonly Variant[]): readonly Variant[] {
  const lists = variants.filter(({ value }) => isNamed(value));
  const together = lists.flatMap((one, i) =>
    lists.slice(i + 1).flatMap((other): Variant[] => {
      if (isDeepStrictEqual(one.value, other.value)) return [];
      const value = [...(one.value as readonly Json[]), ...(other.value as readonly Json[])];
      return [{ when: joined('and', [one.when, other.when]), value }];
    }),
  );
  return [...together, ...variants];
}

/** The node below these keys. Throws if it is not there, or is not the same under all conditions. */
export function nodeAt(node: Node, ...path: readonly (string | number)[]): Node {
  return path.reduce((from, step) => {
    const found = typeof step === 'number' ? from.kind === 'list' && from.items[step] : entryOf(from, step);
    if (!found) throw new Error(`there is no ${path.join('.')}, or it depends on values`);
    return found;
  }, node);
}

export function entryOf(node: Node, key: string): Node | undefined {
  return node.kind === 'map' ? node.entries.find(([name]) => name === key)?.[1] : undefined;
}

/** Sets an entry of a map, at its place or at the end. */
export function setEntry(node: Node, key: string, value: Node): void {
  if (node.kind !== 'map') throw new Error(`${key} is set of something that is no map`);
  const index = node.entries.findIndex(([name]) => name === key);
  if (index < 0) node.entries.push([key, value]);
  else node.entries[index] = [key, value];
}

/** The value of a tree that depends on nothing. Throws where it does. */
export function plainOf(node: Node): Json {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(plainOf);
    case 'map':
      return Object.fromEntries(node.entries.map(([key, one]) => [key, plainOf(one)]));
    default:
      throw new Error('a value was expected that depends on nothing');
  }
}

type Fields = { readonly [key: string]: Json };
type Named = readonly { readonly name: string }[];

const isMap = (value: Json | undefined): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNamed = (value: Json | undefined): value is Named & readonly Json[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => isMap(one) && typeof one.name === 'string');
const at = (list: Json | undefined, index: number) => (list as readonly Json[] | undefined)?.[index];
const keysOf = (maps: readonly object[]) => [...new Set(maps.flatMap((map) => Object.keys(map)))];

/** What is below, of each of them that is not absent. */
// biome-ignore lint/suspicious/noExplicitAny: a map, or a list of named ones
function mergeAt(base: Json | undefined, variants: readonly Variant[], below: (value: any) => Json | undefined) {
  return merge(
    below(base),
    variants.map(({ when, value }) => ({ when, value: below(value) })),
  );
}

function listOf(items: readonly (Node | undefined)[]): Node {
  return { kind: 'list', items: items.filter((one) => one !== undefined) };
}

/** Each whole, one instead of the other. */
function choose(base: Json | undefined, variants: readonly Variant[]): Node | undefined {
  const options: { whens: string[]; value: Json | undefined }[] = [];
  for (const { when, value } of variants) {
    if (isDeepStrictEqual(value, base)) continue;
    const same = options.find((option) => isDeepStrictEqual(option.value, value));
    if (same === undefined) options.push({ whens: [when], value });
    else same.whens.push(when);
  }
  const nodeOf = (value: Json | undefined) => (value === undefined ? undefined : constant(value));
  if (options.length === 0) return nodeOf(base);
  return {
    kind: 'choice',
    options: options.map(({ whens, value }) => ({ when: joined('or', whens), node: nodeOf(value) })),
    otherwise: nodeOf(base),
  };
}

/** Conditions as one. */
export function joined(word: 'and' | 'or', whens: readonly string[]): string {
  return whens.length === 1 ? (whens[0] ?? '') : `${word} ${whens.map((one) => `(${one})`).join(' ')}`;
}
