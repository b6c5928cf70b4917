/** The load generator: raw TLS sockets, requests and answers as bytes, so that it costs less than what it measures. */
import { connect, type TLSSocket } from 'node:tls';
import { answerCalls } from '../support/answer-calls.ts';
import type { LoadResult } from '../support/results.ts';
import { percentile } from '../support/statistics.ts';

export interface Job {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Sent in turn, round and round; with `once` each one a single time, which then also ends the job. */
  readonly bodies: readonly string[];
  readonly once?: boolean;
  readonly durationMs?: number;
  /** Goes on after `durationMs` until there were so many, but no longer than MORE_MS. */
  readonly atLeast?: number;
  /** Every answer has to contain this. */
  readonly expected: string;
}

export type LoadHandlers = { run(job: Job): Promise<LoadResult> };

const MORE_MS = 15_000;
const HEAD_END = Buffer.from('\r\n\r\n');

class Run {
  readonly #job: Job;
  readonly #requests: readonly Buffer[];
  readonly #expected: Buffer;
  readonly #latencies: number[] = [];
  #next = 0;
  #wrong = 0;
  #firstWrong: string | undefined;
  #endAt = Number.POSITIVE_INFINITY;

  constructor(job: Job) {
    this.#job = job;
    this.#requests = job.bodies.map((body) => requestOf(job.path, body));
    this.#expected = Buffer.from(job.expected);
  }

  async run(): Promise<LoadResult> {
    const { port, connections, durationMs } = this.#job;
    const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    if (durationMs !== undefined) this.#endAt = startedAt + durationMs;
    const sleepless = stayAwake();
    try {
      await Promise.all(sockets.map((socket) => this.#drive(socket)));
    } finally {
      sleepless.stop();
      for (const socket of sockets) socket.destroy();
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return this.#result(seconds, (user + system) / 1e6 / seconds);
  }

  #result(seconds: number, busy: number): LoadResult {
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      answers: sorted.length,
      perSecond: sorted.length / seconds,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      maxMs: percentile(sorted, 1),
      wrong: this.#wrong,
      ...(this.#firstWrong === undefined ? {} : { firstWrong: this.#firstWrong }),
      busy,
    };
  }

  /** One request after the other on one connection, until there is no more to send. */
  #drive(socket: TLSSocket): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let sentAt = 0;
    let pending: Buffer | undefined;
    const send = () => {
      const request = this.#take();
      if (request === undefined) return resolve();
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on('data', (chunk: Buffer) => {
      const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
      if (isWhole(bytes)) {
        pending = undefined;
        this.#latencies.push(performance.now() - sentAt);
        this.#check(bytes);
        send();
      } else {
        pending = bytes;
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed a connection')));
    send();
    return promise;
  }

  #take(): Buffer | undefined {
    if (this.#isOver()) return undefined;
    const index = this.#next++;
    if (this.#job.once === true) return this.#requests[index];
    return this.#requests[index % this.#requests.length];
  }

  #isOver(): boolean {
    const lateMs = performance.now() - this.#endAt;
    return lateMs >= (this.#next < (this.#job.atLeast ?? 0) ? MORE_MS : 0);
  }

  #check(bytes: Buffer): void {
    if (bytes.includes(this.#expected)) return;
    this.#wrong++;
    this.#firstWrong ??= bytes.toString('utf-8');
  }
}

/**
 * Keeps the event loop turning. If this process slept, each answer would have to wake it. That costs the server more CPU
 * than making the answer does. Only the slower of two servers would pay: the faster one keeps this process busy.
 */
function stayAwake(): { stop(): void } {
  let isOver = false;
  const turn = () => {
    if (!isOver) setImmediate(turn);
  };
  turn();
  return {
    stop() {
      isOver = true;
    },
  };
}

function requestOf(path: string, body: string): Buffer {
  const length = Buffer.byteLength(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`,
  );
}

/** There is only ever one answer under way on a connection. */
function isWhole(bytes: Buffer): boolean {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd));
  if (length === null) throw new Error(`an answer without a length: ${bytes.toString('latin1', 0, headEnd)}`);
  return bytes.length >= headEnd + HEAD_END.length + Number(length[1]);
}

function open(port: number): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
  const socket = connect(options, () => {
    socket.off('error', reject);
    resolve(socket);
  });
  socket.setNoDelay(true);
  socket.once('error', reject);
  return promise;
}

answerCalls({ run: (job: Job) => new Run(job).run() } satisfies LoadHandlers);
