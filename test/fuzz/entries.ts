import assert from 'node:assert/strict';
import fc from 'fast-check';
import { podPath } from '../../src/kube/paths.ts';
import { decodeEntry, ENTRY_PREFIX, encodeEntry, entryKey, entryPod } from '../../src/policy/entry.ts';
import { isKey } from './selector-oracle.ts';
import { type Target, target } from './target.ts';

/** Names of every length that the API server takes: the longer half of the keys has to be cut. */
const part = (max: number) =>
  fc
    .string({ unit: fc.constantFrom(...'abz09-'), minLength: 1, maxLength: max, size: 'max' })
    .map((name) => name.replace(/^-|-$/g, 'x'));
const namespace = part(63);
const pod = fc.array(part(62), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('true', '__proto__', 'x'.repeat(9_000)),
);
const instance = fc.record({
  namespace,
  pod,
  uid: fc.string({ unit: fc.constantFrom(...'aF09-_#"{'), minLength: 1, maxLength: 64 }),
  node: fc.option(part(63), { nil: undefined }),
  at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((date) => date.getTime()),
});

type Instance = typeof instance extends fc.Arbitrary<infer T> ? T : never;
type Encode = typeof encodeEntry;
type About = typeof entryPod;

/** What is written is read the same, under a key that the API server takes and that tells the pod. */
function checkWritten({ node, ...rest }: Instance, encode: Encode): void {
  const entry = { ...rest, ...(node === undefined ? {} : { node }) };
  const key = entryKey(entry.namespace, entry.pod);
  assert.ok(isKey(key), key);
  const value = encode(entry);
  const known = node === undefined ? {} : { node };
  assert.deepEqual(decodeEntry(value), { uid: entry.uid, at: entry.at, ...known });
  assert.deepEqual(entryPod(key, value), { namespace: entry.namespace, name: entry.pod });
}

const member = fc.constantFrom('uid', 'node', 'at', 'pod', '__proto__', 'constructor', 'toString');
const strange = fc.oneof(
  fc.jsonValue(),
  text,
  fc.constantFrom('db.cb-0', 'db...', 'db./', '2026-01-01', '+275760-09-14'),
);
const values = fc.oneof(
  text,
  fc.json(),
  fc
    .array(fc.tuple(member, strange))
    .map((all) => `{${all.map((pair) => pair.map((one) => JSON.stringify(one)).join(':')).join(',')}}`),
);
const keys = fc.oneof(
  text,
  fc.stringMatching(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/).map((name) => ENTRY_PREFIX + name),
  fc.tuple(text, text).map(([left, right]) => entryKey(left, right)),
);
/** Somebody else's annotation, and one whose value names the pod that its key was cut from. */
const found = fc.oneof(
  fc.tuple(keys, values),
  fc
    .tuple(text, text)
    .map(([left, right]) => [entryKey(left, right), JSON.stringify({ pod: `${left}.${right}` })] as const),
);

/** Whatever stands in an annotation: nothing is made up, and what it is about can be asked for. */
function checkFound([key, value]: readonly [string, string], podOf: About): void {
  const { uid, node, at, ...others } = decodeEntry(value);
  assert.deepEqual(others, {});
  for (const part of [uid, node]) assert.ok(part === undefined || (typeof part === 'string' && part !== ''));
  assert.ok(at === undefined || Number.isFinite(at));
  const about = podOf(key, value);
  if (about === undefined) return;
  assert.equal(entryKey(about.namespace, about.name), key);
  const path = podPath(about.namespace, about.name);
  assert.match(path, /^\/api\/v1\/namespaces\/[^/?#]+\/pods\/[^/?#]+$/);
  assert.ok(path.length < 400, `a path of ${path.length} characters`);
}

export function entries(encode: Encode = encodeEntry, podOf: About = entryPod): Target {
  const about = { name: 'entries', about: 'tracking entries, and whatever else stands in an annotation' };
  return target(about, fc.tuple(instance, found), () => ([written, other]) => {
    checkWritten(written, encode);
    checkFound(other, podOf);
  });
}
