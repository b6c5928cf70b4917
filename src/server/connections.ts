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
  inHand: number;
  /** The last request that began; those before it are here whole. */
  latest: IncomingMessage | undefined;
  /** Whether it has ever carried an answer. */
  isUsed: boolean;
  /** When a request last came on it; counted, not timed. */
  lastUse: number;
}

/**
 * The open connections of a server, and how many requests are in hand. Where there are too many, one makes room that has
 * never carried an answer, or else the one that was used the longest ago: to refuse the new one would let whoever opens a
 * thousand of them lock the API server out.
 */
export class Connections {
  /** By peer, which tells the connection of a request also behind TLS. */
  readonly #open = new Map<string, Connection>();
  /** By the socket of its requests: to name the peer anew for each of them costs more than to count it. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #idle: (() => void)[] = [];
  readonly #max: number;
  readonly #onDisplaced: () => void;
  #inHand = 0;
  #uses = 0;

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
    const connection = { peer, socket, inHand: 0, latest: undefined, isUsed: false, lastUse: this.#uses++ };
    this.#open.set(peer, connection);
    socket.once('close', () => this.#open.get(peer) === connection && this.#open.delete(peer));
    if (this.#open.size > this.#max) this.#makeRoom(connection);
  }

  /** A review that is here whole is carried through; it takes as long as its deadline at most. */
  #makeRoom(newest: Connection): void {
    const others = [...this.#open.values()].filter((connection) => !isAsking(connection) && connection !== newest);
    const found = others.sort(ofLeastUse)[0] ?? newest;
    this.#open.delete(found.peer);
    found.socket.destroy();
    this.#onDisplaced();
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connectionOf(request.socket);
    this.#inHand++;
    if (connection !== undefined) {
      connection.lastUse = this.#uses++;
      connection.latest = request;
      if (++connection.inHand > PIPELINED_MAX) connection.socket.destroy();
    }
    response.on('close', () => {
      if (connection !== undefined) {
        if (--connection.inHand === 0) connection.latest = undefined;
        connection.isUsed = true;
      }
      this.#inHand--;
      if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  #connectionOf(socket: Socket): Connection | undefined {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const found = this.#open.get(peerOf(socket));
    if (found !== undefined) this.#bySocket.set(socket, found);
    return found;
  }
}

/** Whether one of its requests is here whole. */
function isAsking({ inHand, latest }: Connection): boolean {
  return inHand > 1 || (inHand === 1 && latest?.complete === true);
}

function ofLeastUse(a: Connection, b: Connection): number {
  return Number(a.isUsed) - Number(b.isUsed) || a.lastUse - b.lastUse;
}

const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
