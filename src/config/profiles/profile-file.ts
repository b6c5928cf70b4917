import { LineCounter, parseDocument } from 'yaml';
import { BUILT_IN } from './built-in.ts';
import { PROFILE, type ReadProfile } from './written-profile.ts';

/** A profile that somebody wrote, not checked yet, and where it stands. */
export interface Draft {
  readonly fields: Readonly<Record<string, unknown>>;
  /** For people: the file with the line of that field. */
  at(path: readonly PropertyKey[]): string;
}

/** What a file says, and what is wrong with it; each problem begins with the file and the line. */
export interface Drafts {
  readonly drafts: readonly Draft[];
  readonly problems: readonly string[];
}

/** Reads the text of PROFILES_FILE: YAML, with a list `profiles`. */
export function readDrafts(file: string, text: string): Drafts {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const lineAt = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    return {
      drafts: [],
      problems: document.errors.map(({ pos, message }) => `${lineAt(pos[0])} ${firstLine(message)}`),
    };
  }
  let root: unknown;
  try {
    root = document.toJS();
  } catch (error) {
    // Aliases are only followed here.
    return { drafts: [], problems: [`${file} ${error instanceof Error ? error.message : String(error)}`] };
  }
  const list = isObject(root) ? root.profiles : undefined;
  const others = isObject(root) ? Object.keys(root).filter((field) => field !== 'profiles') : [];
  if (!Array.isArray(list) || others.length > 0) {
    const wrong = others.length > 0 ? `has ${others.join(' and ')} beside profiles` : 'has no list of profiles';
    return { drafts: [], problems: [`${file} ${wrong}`] };
  }
  const at = (path: readonly PropertyKey[]): string => {
    const node = document.getIn(path, true) as { readonly range?: readonly number[] } | undefined;
    const offset = node?.range?.[0];
    return offset === undefined && path.length > 0 ? at(path.slice(0, -1)) : lineAt(offset ?? 0);
  };
  const drafts = list.map((fields: unknown, i) => ({
    fields: isObject(fields) ? fields : {},
    at: (path: readonly PropertyKey[]) => at(['profiles', i, ...path]),
  }));
  return { drafts, problems: [] };
}

/** A profile of the file, or a built-in one, or a built-in one with some fields of the file. */
export function readProfile(name: string, draft: Draft | undefined): ReadProfile | readonly string[] {
  const builtIn = BUILT_IN.find((one) => one.name === name);
  const fields = { ...builtIn, ...draft?.fields };
  if (isObject(builtIn?.mark) && isObject(draft?.fields.mark)) fields.mark = { ...builtIn.mark, ...draft.fields.mark };
  const read = PROFILE.safeParse(fields);
  if (read.success) return read.data;
  return read.error.issues.map(({ path, message }) => {
    const where = draft?.at(path) ?? 'built in';
    return `${where} ${[name, ...path.map(String)].join('.')} ${message}`;
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const firstLine = (message: string) => message.split('\n')[0] ?? '';
