import type { Addition, Sources } from './sources.ts';

/** A value of the chart that turns a part of config on or off. */
export interface Switch {
  readonly key: string;
  readonly isOn: boolean;
  readonly about: string;
}

/** A value of the chart that chooses one of several parts of config. */
export interface Selection {
  readonly key: string;
  /** The first is the default. */
  readonly options: readonly { readonly name: string; readonly about: string }[];
}

export interface Conditions {
  readonly switches: readonly Switch[];
  readonly selections: readonly Selection[];
  /** The condition of a folder of config/default; undefined if it is always there. */
  ofFolder(name: string): string | undefined;
  /** The condition of an addition; undefined if the chart has it in another way. */
  ofAddition(name: string): string | undefined;
}

/** Without these there is no installation. */
const ALWAYS = ['manager', 'rbac', 'webhook'];
const TRACKING = /^(.+)-tracking$/;
const CERTIFICATES: Readonly<Record<string, string>> = { 'certificate-files': 'files', certmanager: 'cert-manager' };

/** By the names of the folders: a new one needs no line here. */
export function conditionsOf({ folders, additions }: Pick<Sources, 'folders' | 'additions'>): Conditions {
  const optional = folders.filter(({ name }) => !ALWAYS.includes(name));
  const isRemoval = (name: string) => optional.some((folder) => name === `no-${folder.name}`);
  const typeOf = (name: string) => TRACKING.exec(name)?.[1]?.replace(/^no$/, 'none');
  const isSwitch = ({ name }: Addition) => typeOf(name) === undefined && !(name in CERTIFICATES) && !isRemoval(name);
  const optionsOf = (nameOf: (name: string) => string | undefined) =>
    additions.flatMap(({ name, about }) => {
      const option = nameOf(name);
      return option === undefined ? [] : [{ name: option, about }];
    });
  const own = { name: 'self', about: 'The hook makes its certificates itself' };
  const couchbase = {
    name: 'couchbasecluster',
    about: 'What is remembered of a marked pod is kept on its CouchbaseCluster',
  };
  return {
    switches: [
      ...optional.map(({ name, about }) => ({ key: camelCase(name), isOn: true, about })),
      ...additions.filter(isSwitch).map(({ name, about }) => ({ key: camelCase(name), isOn: false, about })),
    ],
    selections: [
      { key: 'tracking', options: [couchbase, ...optionsOf(typeOf)] },
      { key: 'certificates', options: [own, ...optionsOf((name) => CERTIFICATES[name])] },
    ],
    ofFolder: (name) => (ALWAYS.includes(name) ? undefined : `$.Values.${camelCase(name)}`),
    ofAddition(name) {
      const [type, certificates] = [typeOf(name), CERTIFICATES[name]];
      if (isRemoval(name)) return undefined;
      if (type !== undefined) return `eq $.Values.tracking "${type}"`;
      return certificates === undefined ? `$.Values.${camelCase(name)}` : `eq $.Values.certificates "${certificates}"`;
    },
  };
}

const camelCase = (name: string) => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
