import { createReadStream } from 'node:fs';

/** How many objects of a kind are in a heap, and what they weigh by themselves. */
export interface Weight {
  readonly count: number;
  readonly bytes: number;
}

/** By kind: the name of a constructor, or in parentheses what V8 calls objects that have none. */
export type HeapCounts = ReadonlyMap<string, Weight>;

interface Meta {
  readonly node_fields: readonly string[];
  readonly node_types: readonly [readonly string[], ...unknown[]];
}

/** Their names say what they are of. The names of all others are values. */
const NAMED_BY_CONSTRUCTOR = ['object', 'native'];

/**
 * Reads a heap snapshot of V8 piece by piece. It keeps counters and the strings, so a snapshot may be larger than what one
 * string can hold. The edges, which are most of it, are passed over.
 */
export async function readSnapshot(file: string): Promise<HeapCounts> {
  const reader = new Sections(createReadStream(file));
  const head = await reader.until('"nodes":[');
  const meta = /"meta":(\{.*?\}),"node_count"/s.exec(head)?.[1] ?? '';
  const counter = new Counter(JSON.parse(meta) as Meta);
  await reader.numbers((value) => counter.take(value));
  await reader.skipTo('"strings":[');
  const strings = JSON.parse(`[${await reader.rest()}`.replace(/\}\s*$/, '')) as readonly string[];
  return counter.named(strings);
}

/** Adds up nodes as their numbers arrive. */
class Counter {
  readonly #width: number;
  readonly #at: { readonly type: number; readonly name: number; readonly size: number };
  readonly #types: readonly string[];
  readonly #node: number[] = [];
  /** By `type,name`. */
  readonly #sums = new Map<string, { type: number; name: number; count: number; bytes: number }>();

  constructor({ node_fields: fields, node_types: [types] }: Meta) {
    this.#width = fields.length;
    this.#at = { type: fields.indexOf('type'), name: fields.indexOf('name'), size: fields.indexOf('self_size') };
    this.#types = types;
  }

  take(value: number): void {
    this.#node.push(value);
    if (this.#node.length < this.#width) return;
    const { type: atType, name: atName, size } = this.#at;
    const type = this.#node[atType] ?? 0;
    const isNamed = NAMED_BY_CONSTRUCTOR.includes(this.#types[type] ?? '');
    const name = isNamed ? (this.#node[atName] ?? 0) : -1;
    const key = `${type},${name}`;
    const sum = this.#sums.get(key) ?? { type, name, count: 0, bytes: 0 };
    sum.count++;
    sum.bytes += this.#node[size] ?? 0;
    this.#sums.set(key, sum);
    this.#node.length = 0;
  }

  named(strings: readonly string[]): HeapCounts {
    const counts = new Map<string, Weight>();
    for (const { type, name, count, bytes } of this.#sums.values()) {
      const kind = name < 0 ? `(${this.#types[type]})` : (strings[name] ?? '?');
      const before = counts.get(kind) ?? { count: 0, bytes: 0 };
      counts.set(kind, { count: before.count + count, bytes: before.bytes + bytes });
    }
    return counts;
  }
}

/** Goes through the text of a file once. */
class Sections {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The text before the mark. */
  async until(mark: string): Promise<string> {
    let at = this.#rest.indexOf(mark);
    while (at < 0) {
      await this.#more(this.#rest);
      at = this.#rest.indexOf(mark);
    }
    const text = this.#rest.toString('utf8', 0, at);
    this.#rest = this.#rest.subarray(at + mark.length);
    return text;
  }

  /** The same for much text, which it drops. */
  async skipTo(mark: string): Promise<void> {
    let at = this.#rest.indexOf(mark);
    while (at < 0) {
      await this.#more(this.#rest.subarray(Math.max(0, this.#rest.length - mark.length)));
      at = this.#rest.indexOf(mark);
    }
    this.#rest = this.#rest.subarray(at + mark.length);
  }

  /** The numbers up to the end of the array. */
  async numbers(take: (value: number) => void): Promise<void> {
    for (;;) {
      const end = this.#rest.indexOf(']');
      // A number may be cut off at the end of a piece.
      const whole = end < 0 ? this.#rest.lastIndexOf(',') : end;
      const text = this.#rest.toString('latin1', 0, Math.max(0, whole));
      if (text.trim() !== '') for (const number of text.split(',')) take(Number(number));
      this.#rest = this.#rest.subarray(whole + 1);
      if (end >= 0) return;
      await this.#more(this.#rest);
    }
  }

  async rest(): Promise<string> {
    const pieces = [this.#rest];
    for (let next = await this.#chunks.next(); !next.done; next = await this.#chunks.next()) pieces.push(next.value);
    return Buffer.concat(pieces).toString();
  }

  async #more(kept: Buffer): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error('this is no whole heap snapshot');
    this.#rest = Buffer.concat([kept, value]);
  }
}
