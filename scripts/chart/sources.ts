import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Json } from './tree.ts';

export const ROOT = join(import.meta.dirname, '../..');
const CONFIG = join(ROOT, 'config');
/** Folders of config that are no part of an installation. */
const NOT_INSTALLED = ['default', 'components', 'overlays', 'samples', 'kind'];

/** The manifest of one object. */
export type Manifest = { readonly [key: string]: Json } & {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: { readonly [key: string]: Json } };
};

/** A part of config that can be added to the default, or that changes it. */
export interface Addition {
  /** The name of its folder. */
  readonly name: string;
  readonly folder: string;
  /** The default with it. */
  readonly objects: readonly Manifest[];
  /** What its file says of it, in one sentence. */
  readonly about: string;
}

export interface Sources {
  /** The folders of config/default in order, and the objects of each. */
  readonly folders: readonly { readonly name: string; readonly about: string; readonly objects: readonly Manifest[] }[];
  /** config/default. */
  readonly base: readonly Manifest[];
  /** Each component, and each folder of resources that config/default leaves out. */
  readonly additions: readonly Addition[];
}

/** kubectl cannot be run, or takes offence at config. */
export class NotRendered extends Error {
  override readonly name = 'NotRendered';
}

/** All of config, as kustomize makes it. Throws NotRendered. */
export function readSources(): Sources {
  const { resources = [] } = kustomizationOf(join(CONFIG, 'default'));
  const parts = resources.map((path) => basename(path));
  const others = readdirSync(CONFIG).filter((name) => ![...NOT_INSTALLED, ...parts].includes(name));
  const components = readdirSync(join(CONFIG, 'components')).map((name) => join(CONFIG, 'components', name));
  const additions = [...components, ...others.map((name) => join(CONFIG, name))];
  return {
    folders: parts.map((name) => ({
      name,
      about: aboutOf(join(CONFIG, name)),
      objects: kustomize(join(CONFIG, name)),
    })),
    base: kustomize(join(CONFIG, 'default')),
    additions: additions.map((folder) => ({
      name: basename(folder),
      folder,
      objects: together([folder]),
      about: aboutOf(folder),
    })),
  };
}

/** config/default with these folders. */
export function together(folders: readonly string[]): Manifest[] {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'reschedule-hook-chart-')));
  try {
    const isComponent = (folder: string) => kustomizationOf(folder).kind === 'Component';
    const from = (folder: string) => relative(dir, folder);
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [join(CONFIG, 'default'), ...folders.filter((folder) => !isComponent(folder))].map(from),
      components: folders.filter(isComponent).map(from),
    };
    writeFileSync(join(dir, 'kustomization.yaml'), JSON.stringify(kustomization));
    return kustomize(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function kustomize(folder: string): Manifest[] {
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf-8' });
  if (error !== undefined) throw new NotRendered(`kubectl cannot be run (${error.message}); it has to be in the PATH`);
  if (status !== 0) throw new NotRendered(`kubectl kustomize ${folder}: ${stderr.trim()}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

interface Kustomization {
  readonly kind?: string;
  readonly resources?: readonly string[];
}

const textOf = (folder: string) => readFileSync(join(folder, 'kustomization.yaml'), 'utf-8');
const kustomizationOf = (folder: string) => parse(textOf(folder)) as Kustomization;

/** The first sentence of the comment at its top. */
function aboutOf(folder: string): string {
  const lines = textOf(folder).split('\n');
  const comment = lines.slice(
    0,
    Math.max(
      lines.findIndex((line) => !line.startsWith('#')),
      0,
    ),
  );
  const text = comment.map((line) => line.replace(/^# ?/, '')).join(' ');
  return text.split(/\.(?: |$)/)[0] ?? '';
}
