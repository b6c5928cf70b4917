/** A headless Chromium, controlled over its own protocol. It needs nothing installed but the browser. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Fields, type Message, Page, type View } from './page.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
export const NO_CHROMIUM = 'no Chromium: install the package chromium, or name one in CHROMIUM';
const START_TIMEOUT_MS = 60_000;

/** The path of a browser: CHROMIUM, or the first usual name on the PATH. Undefined if there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const given = process.env.CHROMIUM;
  const candidates = given ? [given] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export class Chromium {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #folder: string;
  readonly #pending = new Map<number, PromiseWithResolvers<Fields>>();
  readonly #listeners = new Set<(message: Message) => void>();
  #lastId = 0;

  private constructor(process: ChildProcess, socket: WebSocket, folder: string) {
    this.#process = process;
    this.#socket = socket;
    this.#folder = folder;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))));
    socket.addEventListener('close', () => this.#fail(new Error('the browser has gone')));
  }

  /** Starts a new browser; `stop` ends it and removes its files. Throws if there is none, see findChromium. */
  static async start(): Promise<Chromium> {
    const path = findChromium();
    if (path === undefined) throw new Error(NO_CHROMIUM);
    const folder = mkdtempSync(join(tmpdir(), 'rehearsal-browser-'));
    const child = spawn(path, [...ARGUMENTS, `--user-data-dir=${folder}`, 'about:blank'], {
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    try {
      const socket = new WebSocket(await addressOf(child));
      const opened = Promise.withResolvers<void>();
      socket.addEventListener('open', () => opened.resolve(), { once: true });
      socket.addEventListener('error', () => opened.reject(new Error('the browser does not answer')), { once: true });
      await opened.promise;
      return new Chromium(child, socket, folder);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  async stop(): Promise<void> {
    const gone = Promise.withResolvers<void>();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.once('exit', () => gone.resolve());
      await this.send('Browser.close').catch(() => this.#process.kill('SIGKILL'));
    } else gone.resolve();
    await gone.promise;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string, view: View, { isScriptOff = false } = {}): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    if (isScriptOff) await this.send('Emulation.setScriptExecutionDisabled', { value: true }, String(sessionId));
    await page.load(url, view);
    return page;
  }

  send(method: string, params: Fields = {}, sessionId?: string): Promise<Fields> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Fields>();
    this.#pending.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return answer.promise;
  }

  listen(listener: (message: Message) => void): void {
    this.#listeners.add(listener);
  }

  #receive(message: Message): void {
    const pending = this.#pending.get(message.id ?? -1);
    if (pending === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    this.#pending.delete(message.id ?? -1);
    if (message.error === undefined) pending.resolve(message.result ?? {});
    else pending.reject(new Error(message.error.message));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

const ARGUMENTS = [
  '--headless=new',
  '--remote-debugging-port=0',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  // The sandbox does not work for root. The pages here are our own.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

/** The browser writes its port to standard error. */
async function addressOf(child: ChildProcess): Promise<string> {
  const found = Promise.withResolvers<string>();
  const output: string[] = [];
  const timer = setTimeout(
    () => found.reject(new Error(`the browser does not start:\n${output.join('\n')}`)),
    START_TIMEOUT_MS,
  );
  child.once('error', found.reject);
  child.once('exit', (code) => found.reject(new Error(`the browser ended with ${code}:\n${output.join('\n')}`)));
  if (child.stderr === null) throw new Error('no standard error');
  // Reads to the end, because the browser would block on a full pipe.
  createInterface({ input: child.stderr }).on('line', (line) => {
    output.push(line);
    const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address !== undefined) found.resolve(address);
  });
  try {
    return await found.promise;
  } finally {
    clearTimeout(timer);
  }
}
