import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

const INSTALL = 'npm ci --ignore-scripts';
const ROOT = resolve(import.meta.dirname, '../..');

/** One stage of the Dockerfile, built in its own folder. */
export interface Stage {
  readonly from: string;
  readonly name: string;
  /** The folder that is the root of its file system. */
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
 * Builds the Dockerfile's stages without Docker, each in an empty folder. COPY respects .dockerignore; RUN uses the
 * shell and this Node. The base images are missing, so a step sees this machine's programs. Returns the stages; the
 * last one is the image. `link` links this checkout's node_modules in place of `npm ci`, which made them from the same
 * lockfile. Other work of this process goes on meanwhile.
 */
export async function buildByDockerfile(dir: string, { link = false }: { link?: boolean } = {}): Promise<Stage[]> {
  const stages: Stage[] = [];
  for (const { keyword, rest } of instructions(readFileSync(join(ROOT, 'Dockerfile'), 'utf-8'))) {
    const stage = stages.at(-1);
    if (link && stage !== undefined && keyword === 'RUN' && rest === INSTALL) linkModules(stage);
    else if (keyword === 'FROM') stages.push(newStage(dir, rest, stages.length));
    else await carryOut(keyword, rest, stages);
  }
  return stages;
}

/** One instruction per line. A backslash at the end continues a line. */
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

async function carryOut(keyword: string, rest: string, stages: readonly Stage[]): Promise<void> {
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
      return run(stage, rest);
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

/** A target with a final slash takes the file itself. Of a folder, COPY takes the content. */
function targetOf(path: string, to: string): string {
  return to.endsWith('/') && !statSync(path).isDirectory() ? join(to, basename(path)) : to;
}

function linkModules(stage: Stage): void {
  symlinkSync(join(ROOT, 'node_modules'), inStage(stage, 'node_modules'));
}

/**
 * Whether .dockerignore lets a path pass: its last matching line wins. A folder also passes if the file re-includes
 * something below it.
 */
function isInContext(path: string): boolean {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf-8').split('\n').filter(Boolean);
  let isIn = true;
  for (const line of lines) {
    const pattern = line.replace(/^!/, '');
    const isMatch = pattern === '*' || path === pattern || path.startsWith(`${pattern}/`);
    const reincludesBelow = line.startsWith('!') && pattern.startsWith(`${path}/`);
    if (isMatch || reincludesBelow) isIn = line.startsWith('!');
  }
  return isIn;
}

async function run(stage: Stage, command: string): Promise<void> {
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const cwd = inStage(stage, '.');
  // Uses npm's cache, so that nothing is downloaded twice. The step must not find this checkout's own node_modules.
  const env = {
    ...process.env,
    ...stage.env,
    PATH: path,
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
  };
  const child = spawn('/bin/sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`RUN ${command}: exit code ${code}\n${stdout}\n${stderr}`);
}

/** The start command of the image: the options of Node, a script, and the working directory. */
export function entryOf(image: Stage): { readonly cwd: string; readonly nodeArgs: string[]; readonly file: string } {
  const [node, ...nodeArgs] = image.entrypoint;
  const script = nodeArgs.pop() ?? '';
  if (node !== '/nodejs/bin/node') throw new Error(`the image starts ${node}`);
  const file = inStage(image, script);
  if (!existsSync(file)) throw new Error(`there is no ${file} in the image`);
  return { cwd: inStage(image, '.'), nodeArgs, file };
}
