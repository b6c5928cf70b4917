import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatSelector, matches, parseSelector } from '../../src/policy/selector.ts';
import { isKey, meets, readSelector } from './selector-oracle.ts';
import { type Target, target } from './target.ts';

export const LABELS: readonly Readonly<Record<string, string>>[] = [
  {},
  { app: 'couchbase' },
  { app: 'couchbase', tier: 'db', 'example.com/role': 'data' },
  { app: '', in: 'notin' },
  { app: 'a', tier: 'A', notin: 'in', constructor: 'x' },
];

const names = ['app', 'tier', 'in', 'notin', 'constructor', '__proto__', 'toString', 'example.com/role'];
const WORDS = [
  ...[
    'a',
    'couchbase',
    'db',
    'a.b',
    'a..b/c',
    'a-/b',
    '-a',
    'a/b/c',
    '/a',
    'a/',
    'A/b',
    'x'.repeat(63),
    'x'.repeat(64),
  ],
  ...[`${'y'.repeat(254)}/a`, `${'a.'.repeat(127)}a/b`, 'caf\u00e9', '\u212a', '0', '_', 'a_b'],
];
const marks = [
  '=',
  '==',
  '!=',
  '!',
  '(',
  ')',
  ',',
  ' ',
  '\t',
  '\n',
  '<',
  '>',
  ' in ',
  ' notin ',
  ' in (',
  ') ',
  '\u00a0',
  '\v',
];
const token = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...names) },
  { weight: 2, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 5, arbitrary: fc.constantFrom(...marks) },
  { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
);
const space = fc.constantFrom('', '', ' ', '  ', '\t');
const value = fc.constantFrom('couchbase', 'a', 'db', '', 'in', 'A', ' a ', 'x'.repeat(64), '-');
/** What is nearly right all over, so that many are right. */
const requirement = fc.oneof(
  fc.tuple(space, fc.constantFrom(...names, ...WORDS), space, fc.constantFrom('=', '==', '!='), space, value),
  fc.tuple(fc.constantFrom('', '', '!', '! ', '!!'), fc.constantFrom(...names, ...WORDS), space),
  fc.tuple(
    fc.constantFrom(...names),
    fc.constantFrom(' in ', ' notin ', ' in', '\tnotin\n', 'in', ' In '),
    fc.constantFrom('(', '((', ' ('),
    fc.array(value, { maxLength: 3 }).map((all) => all.join(',')),
    fc.constantFrom(')', ')', ') ', ''),
  ),
);
export const selectorTexts: fc.Arbitrary<string> = fc.oneof(
  fc.array(token, { maxLength: 10 }).map((all) => all.join('')),
  fc.array(requirement, { minLength: 1, maxLength: 3 }).map((all) => all.map((parts) => parts.join('')).join(',')),
);

type Parse = typeof parseSelector;

function parsed(text: string, parse: Parse) {
  try {
    return parse(text);
  } catch (error) {
    assert.ok(error instanceof Error && error.message !== '' && !(error instanceof TypeError), String(error));
    return undefined;
  }
}

/** Reads what Kubernetes reads, and nothing else, and means the same by it; what is written is read by both alike. */
function checkSelector(text: string, parse: Parse): void {
  const selector = parsed(text, parse);
  // Of two differences: an empty one would select every pod, and what was pasted from a page may have other white space.
  const wanted = text.trim() === '' ? undefined : readSelector(text.replaceAll(/\s/g, ' '));
  assert.equal(selector === undefined ? 'refused' : 'read', wanted === undefined ? 'refused' : 'read');
  if (selector === undefined || wanted === undefined) return;
  const written = readSelector(formatSelector(selector));
  assert.ok(written !== undefined, `written as ${formatSelector(selector)}`);
  for (const labels of LABELS) {
    const expected = meets(wanted, new Map(Object.entries(labels)));
    assert.equal(matches(selector, labels), expected, JSON.stringify(labels));
    assert.equal(meets(written, new Map(Object.entries(labels))), expected, `${formatSelector(selector)} as written`);
  }
  assert.ok(selector.every(({ key }) => isKey(key)));
}

export function selectors(parse: Parse = parseSelector): Target {
  const about = { name: 'selectors', about: "label selectors, against Kubernetes' grammar" };
  return target(about, selectorTexts, () => (text) => checkSelector(text, parse));
}
