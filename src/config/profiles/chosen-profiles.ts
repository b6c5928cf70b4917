import { formatSelector } from '../../policy/selector.ts';
import { BUILT_IN } from './built-in.ts';
import { type Draft, readDrafts, readProfile } from './profile-file.ts';
import type { ReadProfile } from './written-profile.ts';

/** What the environment says of profiles. */
export interface Choice {
  /** PROFILES; empty: all of the file. */
  readonly names: readonly string[];
  /** PROFILES_FILE, and its text or why it cannot be read; absent without one. */
  readonly file?:
    | { readonly path: string; readonly text: string }
    | { readonly path: string; readonly problem: string };
}

/** The chosen profiles in their order, or every problem. */
export interface Chosen {
  readonly profiles?: readonly ReadProfile[];
  readonly problems?: readonly string[];
}

/** A pod that two of them select is of the first. Two with the same selector are a mistake, since the second never counts. */
export function chooseProfiles({ names, file }: Choice): Chosen {
  if (file !== undefined && 'problem' in file) return { problems: [`PROFILES_FILE ${file.problem}`] };
  const { drafts, problems } = file === undefined ? { drafts: [], problems: [] } : readDrafts(file.path, file.text);
  if (problems.length > 0) return { problems };
  const named = drafts.map((draft, i) => {
    const { name } = draft.fields;
    return { draft, name: typeof name === 'string' ? name : `profiles[${i}]` };
  });
  const wanted = names.length > 0 ? names : named.map(({ name }) => name);
  const all = [...twice(named), ...unknown(names, named), ...(wanted.length === 0 ? [NOTHING] : [])];
  if (all.length > 0) return { problems: all };
  const read = [...new Set(wanted)].map((name) => readProfile(name, named.find((one) => one.name === name)?.draft));
  // What is in the file and not in force is checked as well: somebody will name it one day.
  const others = named.filter(({ name }) => !wanted.includes(name)).map(({ name, draft }) => readProfile(name, draft));
  const wrong = [...read, ...others].flatMap((one) => (Array.isArray(one) ? one : []));
  if (wrong.length > 0) return { problems: wrong };
  const profiles = read as readonly ReadProfile[];
  const impossible = [...sameSelectors(profiles), ...tooManySelectors(profiles), ...tooManyHindrances(profiles)];
  return impossible.length > 0 ? { problems: impossible } : { profiles };
}

/** Each is a list and watch, and has a connection of its own. */
export const SELECTORS_MAX = 24;

function tooManySelectors(profiles: readonly ReadProfile[]): string[] {
  const count = new Set(profiles.flatMap(({ selector }) => selector.map(formatSelector))).size;
  return count > SELECTORS_MAX
    ? [`the profiles have ${count} selectors, and the hook watches ${SELECTORS_MAX} at most`]
    : [];
}

/** Each is a list and watch, too. */
const HINDRANCES_MAX = 12;

function tooManyHindrances(profiles: readonly ReadProfile[]): string[] {
  const count = new Set(profiles.flatMap(({ hindrance = [] }) => hindrance.map((one) => JSON.stringify(one)))).size;
  return count > HINDRANCES_MAX
    ? [`the profiles have ${count} hindrances, and the hook watches ${HINDRANCES_MAX} at most`]
    : [];
}

const NOTHING = 'PROFILES_FILE has an empty list of profiles, which would protect no pod';

function twice(named: readonly { readonly draft: Draft; readonly name: string }[]): string[] {
  const again = named.filter(({ name }, i) => named.findIndex((one) => one.name === name) < i);
  return again.map(({ draft, name }) => `${draft.at(['name'])} there is a profile ${name} before`);
}

function unknown(names: readonly string[], named: readonly { readonly name: string }[]): string[] {
  const known = [...BUILT_IN, ...named].map(({ name }) => name);
  const wrong = names.filter((name) => !known.includes(name)).map((name) => `"${name}"`);
  if (wrong.length === 0) return [];
  return [`PROFILES has ${wrong.join(', ')}; there are ${[...new Set(known)].join(', ')}`];
}

function sameSelectors(profiles: readonly ReadProfile[]): string[] {
  const written = profiles.flatMap(({ name, selector, requires }) =>
    selector.map((one) => ({ name, text: `${formatSelector(one)} ${JSON.stringify(requires)}` })),
  );
  return written.flatMap(({ name, text }, i) => {
    const first = written.find((one) => one.text === text);
    if (first === undefined || first.name === name || written.indexOf(first) >= i) return [];
    return [`the profiles ${first.name} and ${name} have the same selector: the second would never count`];
  });
}
