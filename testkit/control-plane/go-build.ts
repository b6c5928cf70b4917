/**
 * Builds the pinned binaries with Go into the user's cache, one at a time, so that an interrupted build can continue.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, withLock } from './lock.ts';
import { chosenKubernetes, toolsFolder } from './versions.ts';

/** Each minor version has a folder of its own. */
type KubernetesModule = `kubernetes/${string}`;

export interface Binary {
  readonly name: string;
  /** Folder below tools/ that pins the version. */
  readonly module: 'etcd' | 'kwok' | 'helm' | KubernetesModule;
  /** Go package with the main function. */
  readonly main: string;
}

/** Binaries that are built, and kept, together. */
export interface BinarySet {
  /** Its folder in the cache. */
  readonly name: string;
  readonly binaries: readonly Binary[];
  /** What the first build says of its time. */
  readonly time: string;
}

const KUBERNETES_BINARIES = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'];

/** In build order. The small ones come first, so that a wrong Go setup shows within a minute. */
const binariesOf = (kubernetes: string): readonly Binary[] => [
  { name: 'etcd', module: 'etcd', main: 'go.etcd.io/etcd/server/v3' },
  { name: 'kwok', module: 'kwok', main: 'sigs.k8s.io/kwok/cmd/kwok' },
  ...KUBERNETES_BINARIES.map((name): Binary => {
    return { name, module: `kubernetes/${kubernetes}`, main: `k8s.io/kubernetes/cmd/${name}` };
  }),
];

/** The control plane of one minor version of Kubernetes, such as 1.37. */
export const controlPlaneSet = (kubernetes = chosenKubernetes()): BinarySet => ({
  name: 'control-plane',
  binaries: binariesOf(kubernetes),
  time: 'about 8 minutes',
});

const modulesOf = ({ binaries }: BinarySet) => [...new Set(binaries.map(({ module }) => module))];
const progressEveryMs = 8_000;

/** Go failed to build a binary. The message ends with Go's last output. */
export class BuildFailed extends Error {
  override readonly name = 'BuildFailed';
}

/** What prevents a build here; undefined if Go is installed and new enough. */
export function goTrouble(set: BinarySet = controlPlaneSet()): string | undefined {
  const [major, minor] = neededGo(set);
  const needed = `install Go ${major}.${minor} or newer and put it on PATH`;
  let version: string | undefined;
  let toolchain: string | undefined;
  try {
    // Outside any module, so that this checks the installed Go and downloads nothing.
    const answer = execFileSync('go', ['env', 'GOVERSION', 'GOTOOLCHAIN'], {
      cwd: tmpdir(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    [version, toolchain] = answer.trim().split('\n');
  } catch {
    return `the binaries (${set.name}) are not built, and there is no Go to build them with: ${needed}`;
  }
  const have = /^go(\d+)\.(\d+)/.exec(version ?? '');
  const [haveMajor, haveMinor] = [Number(have?.[1] ?? 0), Number(have?.[2] ?? 0)];
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return undefined;
  // From 1.21 on, Go downloads the toolchain of go.mod unless the settings prevent it.
  if (haveMinor >= 21 && /auto$/.test(toolchain ?? '')) return undefined;
  return `the binaries (${set.name}) are not built, and Go here is ${version}, too old: ${needed}`;
}

/** The folder for the binaries of exactly these pins, flags and platform, built or not. */
export function cacheFolder(set: BinarySet = controlPlaneSet()): string {
  const hash = createHash('sha256');
  for (const module of modulesOf(set)) {
    const [project] = module.split('/');
    for (const file of ['go.mod', 'go.sum'])
      hash.update(`${project}/${file}\0`).update(readFileSync(join(toolsFolder, module, file)));
    hash.update(buildFlags(module).join('\0'));
  }
  hash.update(`${process.platform}/${process.arch}`);
  // The XDG specification requires that a relative path is ignored.
  const xdg = process.env.XDG_CACHE_HOME;
  const cache = xdg?.startsWith('/') ? xdg : join(homedir(), '.cache');
  return join(cache, 'reschedule-hook', set.name, hash.digest('hex').slice(0, 16));
}

/**
 * Builds the binaries that the cache folder lacks. If two builds run at once, the second waits for the first.
 * @throws BuildFailed
 */
export async function buildMissing(
  log: (line: string) => void,
  signal?: AbortSignal,
  set: BinarySet = controlPlaneSet(),
): Promise<void> {
  const folder = cacheFolder(set);
  mkdirSync(folder, { recursive: true });
  await withLock(`${folder}.lock`, { log, ...(signal && { signal }) }, async () => {
    removeLeftovers(folder);
    const missing = set.binaries.filter(({ name }) => !existsSync(join(folder, name)));
    if (missing.length === 0) return;
    log(`building ${missing.map(({ name }) => name).join(', ')} from source into ${folder}`);
    log(`${set.time} on two cores the first time, less when Go has built parts before; a later call takes a second`);
    const startedAt = Date.now();
    for (const [index, binary] of missing.entries()) {
      await buildOne(binary, folder, {
        log,
        label: `${binary.name} (${index + 1} of ${missing.length})`,
        startedAt,
        signal,
      });
    }
    log(`all built in ${elapsed(startedAt)}`);
  });
}

interface Progress {
  readonly log: (line: string) => void;
  readonly label: string;
  readonly startedAt: number;
  readonly signal: AbortSignal | undefined;
}

/** Builds under another name and renames, so that a file with the final name is always whole. */
async function buildOne(binary: Binary, folder: string, { log, label, startedAt, signal }: Progress): Promise<void> {
  const beside = join(folder, `.${binary.name}.${process.pid}`);
  const ownStartedAt = Date.now();
  log(`${label}: building`);
  const ticker = setInterval(
    () => log(`${label}: building for ${elapsed(ownStartedAt)}, ${elapsed(startedAt)} in all`),
    progressEveryMs,
  );
  try {
    await runGo(binary, beside, signal);
    renameSync(beside, join(folder, binary.name));
    log(`${label}: built in ${elapsed(ownStartedAt)}`);
  } finally {
    clearInterval(ticker);
    rmSync(beside, { force: true });
  }
}

function runGo(binary: Binary, output: string, signal: AbortSignal | undefined): Promise<void> {
  // The user's GOOS, GOARCH and workspace must not affect binaries that run on this machine.
  const { GOOS: _os, GOARCH: _arch, ...env } = process.env;
  const args = ['build', ...buildFlags(binary.module), '-o', output, binary.main];
  return new Promise((resolve, reject) => {
    const go = spawn('go', args, {
      cwd: join(toolsFolder, binary.module),
      env: { ...env, CGO_ENABLED: '0', GOWORK: 'off' },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal && { signal }),
    });
    let goOutput = '';
    go.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      goOutput = (goOutput + chunk).slice(-8_000);
    });
    go.on('error', reject);
    go.on('close', (code, killedBy) => {
      if (code === 0) resolve();
      else
        reject(
          new BuildFailed(`go build of ${binary.name} ended with ${killedBy ?? code}:\n${lastLines(goOutput, 15)}`),
        );
    });
  });
}

function buildFlags(module: Binary['module']): string[] {
  const common = ['-trimpath', '-buildvcs=false', '-mod=readonly'];
  if (module === 'helm') return [...common, '-ldflags', ['-s -w', ...helmStamps()].join(' ')];
  if (module === 'etcd' || module === 'kwok') return [...common, '-ldflags', '-s -w'];
  // Upstream stamps these at release. Without them the server reports v0.0.0 and kubectl warns about version skew.
  const version = pinnedVersion(module, 'k8s.io/kubernetes');
  const [major, minor] = version.slice(1).split('.');
  const stamps = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    `-X ${path}.gitVersion=${version}`,
    `-X ${path}.gitMajor=${major}`,
    `-X ${path}.gitMinor=${minor}`,
  ]);
  return [...common, '-ldflags', ['-s -w', ...stamps].join(' ')];
}

/** Upstream stamps these, too: its own version, and the one of Kubernetes that charts are rendered for without a cluster. */
function helmStamps(): string[] {
  const [, minor] = pinnedVersion('helm', 'k8s.io/client-go').slice(1).split('.');
  const versions = ['helm.sh/helm/v3', 'helm.sh/helm/v4'].map(
    (path) => `-X ${path}/internal/version.version=${pinnedVersion('helm', path)}`,
  );
  const kubernetes = 'helm.sh/helm/v3/pkg/chartutil.k8sVersion';
  return [...versions, `-X ${kubernetes}Major=1`, `-X ${kubernetes}Minor=${minor}`];
}

/** The version that a tool module's go.mod requires, such as v1.36.3. Only go.mod has it. */
export function pinnedVersion(module: Binary['module'], path: string): string {
  const required = new RegExp(`^(?:require)?\\s+${path.replaceAll('.', '\\.')} (v\\S+)`, 'm');
  const version = required.exec(readFileSync(join(toolsFolder, module, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new Error(`tools/${module}/go.mod does not require ${path}`);
  return version;
}

function neededGo(set: BinarySet): [number, number] {
  const stated = modulesOf(set).map((module) =>
    /^go (\d+)\.(\d+)/m.exec(readFileSync(join(toolsFolder, module, 'go.mod'), 'utf8')),
  );
  const minors = stated.map((match) => Number(match?.[2] ?? 0));
  return [1, Math.max(...minors)];
}

/** Removes partial files of dead builders. A running builder keeps its own. */
function removeLeftovers(folder: string): void {
  for (const file of readdirSync(folder)) {
    const pid = /^\..+\.(\d+)$/.exec(file)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, file), { force: true });
  }
}

function elapsed(since: number): string {
  const seconds = Math.round((Date.now() - since) / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
