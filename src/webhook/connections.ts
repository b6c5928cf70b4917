import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Far more than the API servers of a cluster open: one for each review in hand, and 25 idle ones each. Fewer than would eat
 * the memory of the process: an idle one costs some 50 KB with its TLS, one with a small body in hand twice that.
 */
export const CONNECTIONS_MAX = 1_000;
/** Requests that one connection may send before the first is answered. No API server sends a second one. */
const PIPELINED_MAX = 16;

interface Connection {
  readonly peer: string;
  readonly socket: Socket;
  /** Whether it has ever carried an answer. */
  isUsed: boolean;
  inHand: number;
  /** Of those in hand, the ones whose body is here. */
  whole: number;
}

/**
 * The open connections of a server, and how many requests are in hand. Where there are too many, one makes room that has
 * never carried an answer, or else the one that was used the longest ago: to refuse the new one would let whoever opens a
 * thousand of them lock the API server out.
 */
export class Connections {
  /** By peer, which tells the connection of a request also behind TLS. In the order of their last use. */
  readonly #open = new Map<string, Connection>();
  readonly #idle: (() => void)[] = [];
  readonly #max: number;
  readonly #onDisplaced: () => void;
  #inHand = 0;

  /** `onDisplaced` is told of every connection that is ended because there are too many. */
  constructor(server: Server, max: number, onDisplaced: () => void = () => undefined) {
    this.#max = max;
    this.#onDisplaced = onDisplaced;
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('request', (request, response) => this.#track(request, response));
  }

  async idle(): Promise<void> {
    if (this.#inHand === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    await promise;
  }

  destroy(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #add(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = { peer, socket, isUsed: false, inHand: 0, whole: 0 };
    this.#open.set(peer, connection);
    socket.once('close', () => this.#open.get(peer) === connection && this.#open.delete(peer));
    if (this.#open.size > this.#max) this.#makeRoom(connection);
  }

  /** A review that is here whole is carried through; it takes as long as its deadline at most. */
  #makeRoom(newest: Connection): void {
    const idle = [...this.#open.values()].filter((connection) => connection.whole === 0 && connection !== newest);
    const found = idle.find(({ isUsed }) => !isUsed) ?? idle[0] ?? newest;
    this.#open.delete(found.peer);
    found.socket.destroy();
    this.#onDisplaced();
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#use(peerOf(request.socket));
    this.#inHand++;
    let wasWhole = false;
    if (connection !== undefined && ++connection.inHand > PIPELINED_MAX) connection.socket.destroy();
    request.once('end', () => {
      wasWhole = true;
      if (connection !== undefined) connection.whole++;
    });
    response.once('close', () => {
      if (connection !== undefined) {
        connection.inHand--;
        connection.isUsed = true;
        if (wasWhole) connection.whole--;
      }
      this.#inHand--;
      if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  #use(peer: string): Connection | undefined {
    const connection = this.#open.get(peer);
    if (connection === undefined) return undefined;
    this.#open.delete(peer);
    this.#open.set(peer, connection);
    return connection;
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
