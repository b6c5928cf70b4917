import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Far more than the API servers of a cluster open: one for each review in hand, and 25 idle ones each. Fewer than would eat
 * the memory of the process: an idle one costs some 50 KB with its TLS, one with a small body in hand twice that.
 */
export const CONNECTIONS_MAX = 1_000;
/** Requests that one connection may send before the first response. No API server sends a second one. */
const PIPELINED_MAX = 16;

interface Connection {
  readonly peer: string;
  readonly socket: Socket;
  /** Those whose response has not left. */
  readonly requests: Set<IncomingMessage>;
  /** Whether it has ever carried a response. */
  isUsed: boolean;
  /** The place of its last request among those of all connections. */
  lastUse: number;
}

/**
 * The open connections of a server. At the limit, a new connection replaces one that never
 * carried a response, else the least recently used. Refusing it would let an attacker with a thousand connections lock out
 * the API server.
 */
export class Connections {
  /** By peer, because behind TLS a request has another socket than its connection. */
  readonly #open = new Map<string, Connection>();
  readonly #max: number;
  readonly #onDisplaced: () => void;
  #uses = 0;

  /** `onDisplaced` is called for every connection that is ended because there are too many. */
  constructor(server: Server, max: number, onDisplaced: () => void = () => undefined) {
    this.#max = max;
    this.#onDisplaced = onDisplaced;
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('request', (request, response) => this.#track(request, response));
  }

  /**
   * Takes note of the connections without a request in hand. The function that it returns ends those on which nothing has
   * arrived since. What is in use is left alone, because a request that meets the end of its connection is lost.
   */
  noteQuiet(): () => void {
    const noted = this.#open
      .values()
      .filter(({ requests }) => requests.size === 0)
      .map(({ socket, requests }) => ({ socket, requests, bytes: socket.bytesRead }))
      .toArray();
    return () => {
      for (const { socket, requests, bytes } of noted) {
        if (requests.size === 0 && socket.bytesRead === bytes) socket.destroy();
      }
    };
  }

  destroy(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #add(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = { peer, socket, requests: new Set<IncomingMessage>(), isUsed: false, lastUse: this.#uses++ };
    this.#open.set(peer, connection);
    socket.once('close', () => this.#open.get(peer) === connection && this.#open.delete(peer));
    if (this.#open.size > this.#max) this.#makeRoom(connection);
  }

  /** A connection with a whole request stays until its response has left; its deadline bounds that. */
  #makeRoom(newest: Connection): void {
    const others = [...this.#open.values()].filter((one) => one !== newest && !hasWholeRequest(one));
    const found = others.sort(byUse)[0] ?? newest;
    this.#open.delete(found.peer);
    found.socket.destroy();
    this.#onDisplaced();
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#open.get(peerOf(request.socket));
    if (connection !== undefined) {
      connection.lastUse = this.#uses++;
      connection.requests.add(request);
      if (connection.requests.size > PIPELINED_MAX) connection.socket.destroy();
    }
    response.on('close', () => {
      if (connection !== undefined) {
        connection.isUsed = true;
        connection.requests.delete(request);
      }
    });
  }
}

function hasWholeRequest({ requests }: Connection): boolean {
  return requests.values().some(({ complete }) => complete);
}

/** The first is the first to go. */
function byUse(a: Connection, b: Connection): number {
  return Number(a.isUsed) - Number(b.isUsed) || a.lastUse - b.lastUse;
}

/** Names a connection, whose socket is another one behind TLS. */
export const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
