/** Runs child processes that never outlive their control plane, and keeps their folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Note } from './watcher.ts';

const logTailLines = 15;

/** A component ended or failed to start unexpectedly. The message ends with its last log lines. */
export class ComponentFailed extends Error {
  override readonly name = 'ComponentFailed';
}

export interface Component {
  readonly name: string;
  readonly pid: number;
  /** Sends SIGKILL and waits until the process is gone. Its end is then expected. */
  stop(): Promise<void>;
}

export interface Supervisor {
  /** The temporary folder; only this user may enter it. */
  readonly dir: string;
  /** Settles when a component ends unexpectedly; otherwise it never settles. */
  readonly failed: Promise<ComponentFailed>;
  failure(): ComponentFailed | undefined;
  /**
   * Starts a long-running process whose output goes to NAME.log in the folder. If it ends unexpectedly, that is a
   * failure unless `isTakenCareOf` returns true.
   * @throws ComponentFailed
   */
  run(name: string, file: string, args: readonly string[], isTakenCareOf?: () => boolean): Component;
  /** Ends a short-lived child with the control plane as well. */
  adopt(child: ChildProcess): void;
  /** Removes a file outside the folder at the end, too. */
  removeAtStop(path: string): void;
  /** The last lines of a component's log, indented. */
  logTail(name: string): string;
  /** Kills all processes, waits until they are gone, and removes the files. A second call waits for the first. */
  stop(): Promise<void>;
}

/** Makes the folder and starts the watcher. `keepAfterFailure` keeps the folder if a component failed. */
export function startSupervisor({ keepAfterFailure }: { keepAfterFailure: boolean }): Supervisor {
  const dir = mkdtempSync(join(resolve(tmpdir()), 'reschedule-hook-cluster-'));
  const watcher = startWatcher();
  watcher.notify({ do: 'remove', path: dir });

  const children = new Map<ChildProcess, Promise<void>>();
  const files = new Set<string>();
  const failed = Promise.withResolvers<ComponentFailed>();
  let failure: ComponentFailed | undefined;
  let stopping: Promise<void> | undefined;

  function adopt(child: ChildProcess): void {
    const { pid } = child;
    if (pid === undefined) return;
    watcher.notify({ do: 'kill', pid });
    const gone = Promise.withResolvers<void>();
    children.set(child, gone.promise);
    child.once('exit', () => {
      children.delete(child);
      watcher.notify({ do: 'forgetProcess', pid });
      gone.resolve();
    });
  }

  async function kill(child: ChildProcess): Promise<void> {
    const gone = children.get(child);
    if (gone === undefined) return;
    child.ref();
    child.kill('SIGKILL');
    await gone;
  }

  function logTail(name: string): string {
    const lines = readFileSync(join(dir, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n');
    return lines
      .slice(-logTailLines)
      .map((line) => `  ${line}`)
      .join('\n');
  }

  function fail(name: string, what: string): ComponentFailed {
    const kept = keepAfterFailure ? `\nall logs are kept in ${dir}` : '\nset KEEP_CLUSTER_LOGS=1 to keep all logs';
    failure ??= new ComponentFailed(`${name} ${what}; its log ends with\n${logTail(name)}${kept}`);
    failed.resolve(failure);
    return failure;
  }

  function run(name: string, file: string, args: readonly string[], isTakenCareOf = () => false): Component {
    const log = openSync(join(dir, `${name}.log`), 'a', 0o600);
    // Detached, so that a Ctrl-C in the terminal reaches only the parent, which then stops all in order.
    const child = spawn(file, args, {
      cwd: dir,
      // Less often collected, at 150 MB more for an API server: a fifth of what its start costs.
      env: { PATH: process.env.PATH, HOME: dir, GOGC: '400' },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.on('error', () => {}); // reported below, by the missing process id
    if (child.pid === undefined) throw fail(name, `could not be started from ${file}`);
    let asked = false;
    adopt(child);
    // A control plane must not keep a program running that has nothing else to do.
    child.unref();
    child.once('exit', (code, signal) => {
      if (asked || stopping !== undefined || isTakenCareOf()) return;
      fail(name, `(process ${child.pid}) ended with ${signal ?? `code ${code}`}`);
    });
    return {
      name,
      pid: child.pid,
      stop() {
        asked = true;
        return kill(child);
      },
    };
  }

  async function stopAll(): Promise<void> {
    await Promise.all([...children.keys()].map(kill));
    if (failure !== undefined && keepAfterFailure) watcher.notify({ do: 'forgetPath', path: dir });
    else rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    for (const file of files) rmSync(file, { force: true });
    await watcher.end();
  }

  return {
    dir,
    failed: failed.promise,
    failure: () => failure,
    run,
    adopt,
    logTail,
    removeAtStop(path) {
      files.add(path);
      watcher.notify({ do: 'remove', path });
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

function startWatcher() {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'watcher.ts')], {
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const gone = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', () => done());
  });
  child.stdin.on('error', () => {}); // the watcher was killed: nothing more to be done here
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return {
    notify(note: Note): void {
      if (child.stdin.writable) child.stdin.write(`${JSON.stringify(note)}\n`);
    },
    end(): Promise<void> {
      child.ref();
      child.stdin.end();
      return gone;
    },
  };
}
