import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Far more than the API servers of a cluster open: one for each review in hand, and 25 idle ones each. Fewer than would eat
 * the memory of the process: an idle one costs some 50 KB with its TLS, one with a small body in hand twice that.
 */
export const CONNECTIONS_MAX = 1_000;
interface Connection {
  readonly peer: string;
  readonly socket: Socket;
  /** Those whose response has not left, with it. */
  readonly requests: Map<IncomingMessage, ServerResponse>;
  /** Whether it has ever carried a response. */
  isUsed: boolean;
  /** The place of its last request among those of all connections. */
  lastUse: number;
}

/** What is absent is not counted. */
export interface ConnectionEvents {
  /** A connection was ended because there are too many. */
  readonly onDisplaced?: () => void;
  /** A connection was ended because it sent a request before it had the response to the one before. */
  readonly onPipelined?: () => void;
}

/**
 * The open connections of a server. At the limit, a new connection replaces one that never
 * carried a response, else the least recently used. Refusing it would let an attacker with a thousand connections lock out
 * the API server.
 *
 * A connection has one request in hand. An API server sends the next one when it has the response. One that does not wait
 * is ended: else a few connections could have more in hand than all API servers together.
 */
export class Connections {
  /** By peer, because behind TLS a request has another socket than its connection. */
  readonly #open = new Map<string, Connection>();
  readonly #max: number;
  readonly #on: ConnectionEvents;
  #uses = 0;

  constructor(server: Server, max: number, on: ConnectionEvents = {}) {
    this.#max = max;
    this.#on = on;
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
    const connection = {
      peer,
      socket,
      requests: new Map<IncomingMessage, ServerResponse>(),
      isUsed: false,
      lastUse: this.#uses++,
    };
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
    this.#on.onDisplaced?.();
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#open.get(peerOf(request.socket));
    if (connection !== undefined) {
      connection.lastUse = this.#uses++;
      if (isAwaited(connection)) this.#refuse(request);
      connection.requests.set(request, response);
    }
    response.on('close', () => {
      if (connection !== undefined) {
        connection.isUsed = true;
        connection.requests.delete(request);
      }
    });
  }

  /** Of the TLS connection, so that whoever reads the request knows at once that nobody waits for its response. */
  #refuse({ socket }: IncomingMessage): void {
    if (socket.destroyed) return;
    socket.destroy();
    this.#on.onPipelined?.();
  }
}

/**
 * Whether a response is yet to be made. Those that are made and have not left do not count: the next request can be here
 * before this process hears that the response has left.
 */
function isAwaited({ requests }: Connection): boolean {
  return requests.values().some(({ writableEnded }) => !writableEnded);
}

function hasWholeRequest({ requests }: Connection): boolean {
  return requests.keys().some(({ complete }) => complete);
}

/** The first is the first to go. */
function byUse(a: Connection, b: Connection): number {
  return Number(a.isUsed) - Number(b.isUsed) || a.lastUse - b.lastUse;
}

/** Names a connection, whose socket is another one behind TLS. */
export const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
