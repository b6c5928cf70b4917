/**
 * Kubernetes label selectors by their grammar, written apart from src/policy/selector.ts and in another way (tokens and a
 * descent, not patterns); test/cluster/cache/selectors.test.ts holds it against the real API server.
 *
 *     selector    = requirement { "," requirement }
 *     requirement = "!" key | key [ ( "=" | "==" | "!=" ) [ value ] | ( "in" | "notin" ) "(" [ value ] { "," [ value ] } ")" ]
 */
export interface Wanted {
  readonly key: string;
  readonly isWanted: boolean;
  /** Absent: any value. */
  readonly values?: readonly string[];
}

/** undefined: the API server answers 400 (or, for `<` and `>`, the hook has no use for it). */
export function readSelector(text: string): readonly Wanted[] | undefined {
  const tokens = text.match(/[^ \t\r\n=!(),<>]+|==|!=|[=!(),<>]/g) ?? [];
  const found: Wanted[] = [];
  do {
    const requirement = readRequirement(tokens);
    if (requirement === undefined) return undefined;
    found.push(requirement);
  } while (tokens[0] === ',' && tokens.shift() === ',');
  return tokens.length === 0 ? found : undefined;
}

/** As in Kubernetes, what is not wanted is also met by an object without the label. */
export function meets(wanted: readonly Wanted[], labels: ReadonlyMap<string, string>): boolean {
  return wanted.every(({ key, values, isWanted }) => {
    const value = labels.get(key);
    return isWanted === (value !== undefined && (values?.includes(value) ?? true));
  });
}

function readRequirement(tokens: string[]): Wanted | undefined {
  const isDenied = tokens[0] === '!' && tokens.shift() === '!';
  const key = tokens.shift();
  if (key === undefined || !isKey(key)) return undefined;
  if (isDenied || tokens[0] === undefined || tokens[0] === ',') return { key, isWanted: !isDenied };
  const operator = tokens.shift() as string;
  const values = readValues(operator, tokens);
  return values?.every(isValue) ? { key, values, isWanted: operator !== '!=' && operator !== 'notin' } : undefined;
}

function readValues(operator: string, tokens: string[]): string[] | undefined {
  if (operator === 'in' || operator === 'notin') return readList(tokens);
  if (operator !== '=' && operator !== '==' && operator !== '!=') return undefined;
  return [tokens[0] === undefined || tokens[0] === ',' ? '' : (tokens.shift() as string)];
}

function readList(tokens: string[]): string[] | undefined {
  if (tokens.shift() !== '(') return undefined;
  const values: string[] = [];
  do {
    values.push(tokens[0] === ',' || tokens[0] === ')' ? '' : (tokens.shift() ?? ''));
  } while (tokens[0] === ',' && tokens.shift() === ',');
  return tokens.shift() === ')' ? values : undefined;
}

/** A qualified name: an optional DNS subdomain and a slash, then at most 63 characters. */
export function isKey(text: string): boolean {
  const [name = '', prefix, ...others] = text.split('/').reverse();
  if (others.length > 0 || name === '' || !isValue(name)) return false;
  return prefix === undefined || (prefix.length <= 253 && prefix.split('.').every(isDnsPart));
}

function isDnsPart(part: string): boolean {
  return /^[-a-z0-9]+$/.test(part) && !part.startsWith('-') && !part.endsWith('-');
}

export function isValue(text: string): boolean {
  if (text === '') return true;
  return text.length <= 63 && /^[-A-Za-z0-9_.]+$/.test(text) && !/^[-_.]|[-_.]$/.test(text);
}
