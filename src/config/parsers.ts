import { parseDuration } from '../policy/duration.ts';
import type { Selector } from '../policy/model.ts';
import { DNS_LABEL, LABEL_KEY, LABEL_VALUE, OBJECT_NAME } from '../policy/names.ts';
import { valueProblem } from '../policy/profiles/mark.ts';
import { formatSelector, parseSelector } from '../policy/selector.ts';

/*
 * Each parser takes the text of a setting and returns its value. On failure it throws an Error whose message continues
 * a sentence that begins with the setting's name: `is "loud"; it must be ...`.
 */

const SHUTDOWN_DELAY_MAX_MS = 3_600_000;
const RETENTION_MIN_MS = 10_000;
const STALL_MIN_MS = 1_000;
/** The times in an X.509 certificate are whole seconds. */
const LIFETIME_MIN_MS = 5_000;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false };

/** Accepts any text. */
export const asGiven = (text: string): string => text;

/** The value of the mark. Braces that no profile fills in stay. */
export function markValue(text: string): string {
  const problem = valueProblem(text);
  if (problem !== undefined) throw new Error(problem);
  return text;
}

export function matching(pattern: RegExp, what: string) {
  return (text: string): string => {
    if (!pattern.test(text)) throw new Error(`is "${text}", which is not ${what}`);
    return text;
  };
}

/** Allows an empty setting, which means `absent`. */
export function optional<T, A>(parse: (text: string) => T, absent: A) {
  return (text: string): T | A => (text === '' ? absent : parse(text));
}

export function oneOf<T extends string>(...allowed: readonly T[]) {
  return (text: string): T => {
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw new Error(`is "${text}"; it must be ${allowed.join(' or ')}`);
    return found;
  };
}

export function boolean(text: string): boolean {
  const value = Object.hasOwn(BOOLEANS, text.toLowerCase()) ? BOOLEANS[text.toLowerCase()] : undefined;
  if (value === undefined) throw new Error(`is "${text}"; it must be true or false`);
  return value;
}

/** Returns milliseconds, as do all parsers below. */
export function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new Error(`is wrong: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * A drainer asks for the old name once more after the pod has settled: kubectl within 5 s, others within minutes. If
 * the entry is gone by then, the hook marks the pod again, and again.
 */
export function retention(text: string): number {
  const ms = duration(text);
  if (ms < RETENTION_MIN_MS) throw new Error(`is ${text}; it must be at least 10s, and longer than any drainer pauses`);
  return ms;
}

/** With 0 every mark would be stalled at once, and its report would say nothing. */
export function stallTime(text: string): number {
  const ms = duration(text);
  if (ms >= STALL_MIN_MS) return ms;
  throw new Error(`is ${text}; it must be at least 1s, and longer than the operator takes to move a pod`);
}

/** The limit is 1 h: no pod gets a longer grace period, and a timer of more than 24 days would end at once. */
export function shutdownDelay(text: string): number {
  const ms = duration(text);
  if (ms > SHUTDOWN_DELAY_MAX_MS) throw new Error(`is ${text}; it must be at most 1h`);
  return ms;
}

/** The lifetime of a certificate. */
export function lifetime(text: string): number {
  const ms = duration(text);
  if (ms < LIFETIME_MIN_MS) throw new Error(`is ${text}; it must be at least 5s`);
  return ms;
}

export function servicePort(text: string): number {
  const value = port(text);
  if (value === 0) throw new Error('is 0; it must be a port from 1 to 65535');
  return value;
}

/** Which namespaces are registered: `all`, `used`, or a selector and its text. */
export interface Namespaces {
  readonly text: string;
  readonly selector?: Selector;
}

export function namespaces(text: string): Namespaces {
  const word = text.trim().toLowerCase();
  if (word === 'all' || word === 'used') return { text: word };
  const selector = parseSelector(text);
  const keys = keysAlone(selector);
  if (keys.length > 0) {
    const byName = `kubernetes.io/metadata.name in (${keys.join(',')})`;
    throw new Error(
      `has a label without a value: ${keys.join(',')}; write all, used, team=db for a label, ${byName} for namespaces by name, or ${keys[0]},${keys[0]}!=false for a label of any other value`,
    );
  }
  // Written in one way, so that replicas of settings that mean the same agree.
  return { text: formatSelector(selector), selector };
}

/**
 * The keys without a domain that nothing is said of but that they exist. A word that is mistyped, or the name of a namespace, is one,
 * and no namespace has such a label: none would be protected.
 */
function keysAlone(selector: Selector): readonly string[] {
  const valued = selector.flatMap((one) => ('values' in one ? [one.key] : []));
  const alone = selector.filter(({ op, key }) => op === 'exists' && !key.includes('/') && !valued.includes(key));
  return alone.map(({ key }) => key);
}

export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new Error(`is "${text}"; it must be a port from 0 to 65535`);
  return value;
}

/**
 * A full label selector. One that only excludes pods is refused: it would select the pods of everybody else, whom no
 * operator moves.
 */
export function selector(text: string): Selector {
  const requirements = parseSelector(text);
  if (requirements.some(({ op }) => op === 'in' || op === 'exists')) return requirements;
  throw new Error(`is "${text}", which only excludes pods; add a label that the pods have, as in app=couchbase`);
}

/** `key:Effect`, `key=value:Effect`. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
const TAINT = /^([^=:]*)(?:=([^=:]*)(?=:))?(?::(?:NoSchedule|PreferNoSchedule|NoExecute))?$/;

function isTaint(text: string): boolean {
  const [, key = '', value = ''] = TAINT.exec(text) ?? [];
  // A prefix is everything before the name of a key.
  const wholeKey = key.endsWith('/') && key === text ? `${key}x` : key;
  return LABEL_KEY.test(wholeKey) && LABEL_VALUE.test(value);
}

export const taints = listOf(isTaint, 'a taint; write key, key:Effect, key=value:Effect or prefix/');

/** With Ready each node that works would count as draining, and no drain would ever end. */
export const nodeConditions = listOf(
  (text) => LABEL_KEY.test(text) && text !== 'Ready',
  'the type of a node condition that can mean a drain; write it like DrainInProgress',
);

/** Names are compared as they are, so a wildcard, a double quote or another separator would name nobody. */
const NAME = /^[^\p{C};"*]+$/u;
const SERVICE_ACCOUNT = 'system:serviceaccount:';

function isUserName(text: string): boolean {
  if (!text.startsWith(SERVICE_ACCOUNT)) return NAME.test(text);
  const [namespace = '', name = '', ...more] = text.slice(SERVICE_ACCOUNT.length).split(':');
  return DNS_LABEL.test(namespace) && OBJECT_NAME.test(name) && more.length === 0;
}

export const userNames = listOf(
  isUserName,
  'the name of a user; a service account is system:serviceaccount:NAMESPACE:NAME',
);

export const profileNames = listOf((text) => DNS_LABEL.test(text), 'the name of a profile');

export const clientNames = listOf((text) => NAME.test(text), 'a common name or DNS name');

export function someOf<T extends string>(...allowed: readonly T[]) {
  const parse = listOf((text) => allowed.some((one) => one === text), `one of ${allowed.join(', ')}`);
  return (text: string): readonly T[] => parse(text) as readonly T[];
}

/** Separated by commas. Names every element that `isRight` refuses. */
function listOf(isRight: (element: string) => boolean, what: string) {
  return (text: string): readonly string[] => {
    const elements = text.split(',').map((element) => element.trim());
    const given = elements.filter((element) => element !== '');
    if (given.length === 0) throw new Error(`is "${text.trim()}", which names nothing`);
    const wrong = given.filter((element) => !isRight(element)).map((element) => JSON.stringify(element));
    if (wrong.length > 0) throw new Error(`has ${wrong.join(', ')}, which is not ${what}`);
    return given;
  };
}
