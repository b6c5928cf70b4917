import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path';

const INSTALL = 'npm ci --ignore-scripts';
const ROOT = resolve(import.meta.dirname, '../..');

/** One stage of the Dockerfile, carried out in a folder of its own. */
export interface Stage {
  readonly from: string;
  readonly name: string;
  /** The root of its files. */
  readonly dir: string;
  workdir: string;
  user: string;
  entrypoint: readonly string[];
  readonly env: Record<string, string>;
}

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

/**
 * Carries out what the Dockerfile states, without Docker: each stage in an empty folder, COPY with what .dockerignore lets
 * pass, RUN with the shell and this Node. The base images are not there, so a step sees this machine's programs. Returns
 * the stages; the last is the image. `link`: npm ci is left out, for what it made of the same lockfile here.
 */
export function buildByDockerfile(dir: string, { link = false }: { link?: boolean } = {}): Stage[] {
  const stages: Stage[] = [];
  for (const { keyword, rest } of instructions(readFileSync(join(ROOT, 'Dockerfile'), 'utf-8'))) {
    const stage = stages.at(-1);
    if (link && stage !== undefined && keyword === 'RUN' && rest === INSTALL) linkModules(stage);
    else if (keyword === 'FROM') stages.push(newStage(dir, rest, stages.length));
    else carryOut(keyword, rest, stages);
  }
  return stages;
}

/** One for each line; lines that end in a backslash go on. */
function instructions(text: string): Instruction[] {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, keyword = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
      return { keyword, rest };
    });
}

function newStage(dir: string, rest: string, index: number): Stage {
  const [, from = '', name = `${index}`] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest) ?? [];
  const root = join(dir, name);
  mkdirSync(root);
  return { from, name, dir: root, workdir: '/', user: '', entrypoint: [], env: {} };
}

function carryOut(keyword: string, rest: string, stages: readonly Stage[]): void {
  const stage = stages.at(-1);
  if (stage === undefined) throw new Error(`${keyword} before FROM`);
  switch (keyword) {
    case 'WORKDIR':
      stage.workdir = rest;
      mkdirSync(inStage(stage, '.'), { recursive: true });
      return;
    case 'ENV':
      Object.assign(stage.env, Object.fromEntries(rest.split(/\s+/).map((pair) => pair.split('=', 2))));
      return;
    case 'USER':
      stage.user = rest;
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(rest);
      return;
    case 'COPY':
      copy(stage, rest, stages);
      return;
    case 'RUN':
      run(stage, rest);
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`this test does not know ${keyword} ${rest}`);
  }
}

const inStage = (stage: Stage, path: string) => join(stage.dir, resolve(stage.workdir, path));

function copy(stage: Stage, rest: string, stages: readonly Stage[]): void {
  const [, from, paths = ''] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(rest) ?? [];
  const source = stages.find(({ name }) => name === from);
  const filter = source === undefined ? (file: string) => isInContext(relative(ROOT, file)) : () => true;
  const names = paths.split(/\s+/);
  const to = names.pop() ?? '';
  for (const name of names) {
    const path = join(source?.dir ?? ROOT, name);
    if (!filter(path)) throw new Error(`COPY ${name}: .dockerignore leaves it out`);
    const target = inStage(stage, targetOf(path, to));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target, { recursive: true, filter });
  }
}

/** A file goes into what ends with a slash; of a folder, what is in it does. */
function targetOf(path: string, to: string): string {
  return to.endsWith('/') && !statSync(path).isDirectory() ? join(to, basename(path)) : to;
}

function linkModules(stage: Stage): void {
  symlinkSync(join(ROOT, 'node_modules'), inStage(stage, 'node_modules'));
}

/** The last line that speaks of a path wins. A folder that something below it is let in from passes too. */
function isInContext(path: string): boolean {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf-8').split('\n').filter(Boolean);
  let isIn = true;
  for (const line of lines) {
    const pattern = line.replace(/^!/, '');
    const speaksOf = pattern === '*' || path === pattern || path.startsWith(`${pattern}/`);
    const leadsTo = line.startsWith('!') && pattern.startsWith(`${path}/`);
    if (speaksOf || leadsTo) isIn = line.startsWith('!');
  }
  return isIn;
}

function run(stage: Stage, command: string): void {
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const cwd = inStage(stage, '.');
  // What npm has fetched before need not be fetched again; and it may not look for the checkout's own node_modules.
  const env = {
    ...process.env,
    ...stage.env,
    PATH: path,
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
  };
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { cwd, env, encoding: 'utf-8' });
  if (status !== 0) throw new Error(`RUN ${command}: exit code ${status}\n${stdout}\n${stderr}`);
}

/** What the image starts: options of Node, a script, and the folder to start it in. */
export function entryOf(image: Stage): { readonly cwd: string; readonly nodeArgs: string[]; readonly file: string } {
  const [node, ...nodeArgs] = image.entrypoint;
  const script = nodeArgs.pop() ?? '';
  if (node !== '/nodejs/bin/node') throw new Error(`the image starts ${node}`);
  const file = inStage(image, script);
  if (!existsSync(file)) throw new Error(`there is no ${file} in the image`);
  return { cwd: inStage(image, '.'), nodeArgs, file };
}
