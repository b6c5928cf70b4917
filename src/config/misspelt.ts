import { SETTINGS } from './settings.ts';

/** A variable that is no setting, and the setting that it is probably meant to be. */
export interface Misspelt {
  readonly variable: string;
  readonly meant: string;
}

const MAX_EDITS = 2;
/** Two other letters make another word: LABEL is no LEVEL. */
const MAX_CHANGES = 1;
const NAMES: readonly string[] = SETTINGS.flatMap((setting) =>
  'earlierName' in setting ? [setting.name, setting.earlierName] : [setting.name],
);

/**
 * The variables that are one or two letters from a setting. The hook would start with the default, and nobody would
 * notice. An empty variable counts as not set. Images, platforms and other programs set variables, too. So one that may
 * be another word is not among them.
 */
export function misspelt(env: Readonly<Record<string, string | undefined>>): Misspelt[] {
  return Object.keys(env).flatMap((variable) => {
    if (!env[variable] || NAMES.includes(variable) || isOfService(variable, env)) return [];
    const meant = nearest(variable.toUpperCase());
    return meant === undefined ? [] : [{ variable, meant }];
  });
}

/** Kubernetes gives a container `<NAME>_PORT` and `<NAME>_SERVICE_HOST` for each Service of its namespace. */
function isOfService(variable: string, env: Readonly<Record<string, string | undefined>>): boolean {
  return variable.endsWith('_PORT') && env[variable.replace(/PORT$/, 'SERVICE_HOST')] !== undefined;
}

function nearest(variable: string): string | undefined {
  for (let edits = 0; edits <= MAX_EDITS; edits++) {
    const found = NAMES.find((name) => isNear(variable, name, edits) && hasSameWords(variable, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether no word is quite another one: SSL_CERT_FILE, or DEVICE_NAME, is no slip of the fingers. */
function hasSameWords(variable: string, name: string): boolean {
  const words = name.split('_');
  const others = variable.split('_');
  // A word more is a prefix or a number.
  if (words.length !== others.length) return words.join('') === others.join('');
  return words.every((word, i) => isSameWord(word, others[i] ?? ''));
}

/** Hardly anybody mistypes the first letter of a word, and the shorter it is the sooner it is another one. */
function isSameWord(word: string, other: string): boolean {
  return word[0] === other[0] && isNear(word, other, Math.min(MAX_EDITS, Math.floor((word.length - 1) / 2)));
}

/**
 * Whether one becomes the other when at most so many letters are changed, added, left out, or swapped with the next; of
 * these, at most `changes` are changed.
 */
function isNear(a: string, b: string, edits: number, changes = MAX_CHANGES): boolean {
  if (Math.abs(a.length - b.length) > edits) return false;
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const [x, y] = [a.slice(same), b.slice(same)];
  if (x === y || edits === 0) return x === y;
  return (
    (changes > 0 && isNear(x.slice(1), y.slice(1), edits - 1, changes - 1)) ||
    isNear(x.slice(1), y, edits - 1, changes) ||
    isNear(x, y.slice(1), edits - 1, changes) ||
    (x[0] === y[1] && x[1] === y[0] && isNear(x.slice(2), y.slice(2), edits - 1, changes))
  );
}
