/**
 * A JSON document as it is written, not as it is read: keys may be there twice, and `raw` may be anything at all. So the
 * bytes that come of it reach what no JSON.stringify can.
 */
export type Doc =
  | { readonly kind: 'object'; readonly pairs: [string, Doc][] }
  | { readonly kind: 'list'; readonly items: Doc[] }
  | { readonly kind: 'raw'; readonly text: string };

export const raw = (text: string): Doc => ({ kind: 'raw', text });

export function docOf(value: unknown): Doc {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(docOf) };
  if (typeof value !== 'object' || value === null) return raw(JSON.stringify(value) ?? 'null');
  return { kind: 'object', pairs: Object.entries(value).map(([key, member]) => [key, docOf(member)]) };
}

export function textOf(doc: Doc): string {
  switch (doc.kind) {
    case 'object':
      return `{${doc.pairs.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(',')}}`;
    case 'list':
      return `[${doc.items.map(textOf).join(',')}]`;
    case 'raw':
      return doc.text;
  }
}

/** What can be done at one place; places are counted over all members of the document, modulo how many there are. */
export type Mutation =
  | { readonly op: 'set' | 'twice' | 'before'; readonly at: number; readonly value: string }
  | { readonly op: 'remove'; readonly at: number }
  | { readonly op: 'wrap'; readonly at: number }
  | { readonly op: 'rename' | 'add'; readonly at: number; readonly key: string; readonly value: string }
  | { readonly op: 'nest' | 'pad'; readonly at: number; readonly size: number }
  | { readonly op: 'copy'; readonly at: number; readonly from: number };

interface Place {
  readonly pairs: [string, Doc][];
  readonly index: number;
}

/** Changes the document in place. */
export function mutate(doc: Doc, mutations: readonly Mutation[]): void {
  for (const mutation of mutations) {
    const places = placesOf(doc);
    const place = places[mutation.at % Math.max(1, places.length)];
    if (place !== undefined) apply(place, mutation, places);
  }
}

function placesOf(doc: Doc): Place[] {
  if (doc.kind === 'raw') return [];
  if (doc.kind === 'list') return doc.items.flatMap(placesOf);
  return doc.pairs.flatMap(([, value], index) => [{ pairs: doc.pairs, index }, ...placesOf(value)]);
}

function apply(place: Place, mutation: Mutation, places: readonly Place[]): void {
  const { pairs, index } = place;
  const [key, value] = pairs[index] as [string, Doc];
  switch (mutation.op) {
    case 'set':
      pairs[index] = [key, raw(mutation.value)];
      return;
    case 'twice':
      pairs.splice(index + 1, 0, [key, raw(mutation.value)]);
      return;
    case 'before':
      pairs.splice(index, 0, [key, raw(mutation.value)]);
      return;
    case 'remove':
      pairs.splice(index, 1);
      return;
    case 'rename':
      pairs[index] = [mutation.key, value];
      return;
    case 'add':
      pairs.push([mutation.key, raw(mutation.value)]);
      return;
    case 'copy': {
      const from = places[mutation.from % places.length] as Place;
      // As text: a copy of a parent into its own member would have no end.
      pairs[index] = [key, raw(textOf((from.pairs[from.index] as [string, Doc])[1]))];
      return;
    }
    case 'wrap':
      pairs[index] = [key, raw(`[${textOf(value)}]`)];
      return;
    case 'nest':
      pairs[index] = [key, raw('{"a":['.repeat(mutation.size) + textOf(value) + ']}'.repeat(mutation.size))];
      return;
    case 'pad':
      pairs[index] = [key, raw(`"${'x'.repeat(mutation.size)}"`)];
      return;
  }
}
