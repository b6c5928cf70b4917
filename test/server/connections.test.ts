import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { describe, test } from 'node:test';
import { Connections } from '../../src/server/connections.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort: number;
  bytesRead = 0;
  isOpen = true;
  destroyed = false;

  constructor(remotePort: number) {
    super();
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.isOpen = false;
    this.destroyed = true;
    this.emit('close');
  }
}

/** A server of which only the events matter. */
function aServer(max: number) {
  const server = new EventEmitter();
  const counts = { displaced: 0, pipelined: 0 };
  const on = { onDisplaced: () => counts.displaced++, onPipelined: () => counts.pipelined++ };
  const connections = new Connections(server as Server, max, on);
  let port = 1;
  const connect = () => {
    const socket = new FakeSocket(port++);
    server.emit('connection', socket);
    return socket;
  };
  const ask = (socket: object) => {
    const request = { socket, complete: false };
    const response = Object.assign(new EventEmitter(), { writableEnded: false });
    server.emit('request', request, response);
    return {
      arrive: () => Object.assign(request, { complete: true }),
      make: () => Object.assign(response, { writableEnded: true }),
      answer() {
        this.make();
        response.emit('close');
      },
    };
  };
  return { connections, connect, ask, displaced: () => counts.displaced, pipelined: () => counts.pipelined };
}

const open = (...sockets: { isOpen: boolean }[]) => sockets.map(({ isOpen }) => isOpen);

describe('Connections', () => {
  test('the oldest one that was never of use makes room', () => {
    const { connect, ask, displaced } = aServer(3);
    const [used, first, second] = [connect(), connect(), connect()];
    ask(used).answer();
    assert.equal(displaced(), 0);
    const third = connect();
    assert.deepEqual(open(used, first, second, third), [true, false, true, true]);
    assert.equal(displaced(), 1);
  });

  test('where all were of use, the one that was used the longest ago', () => {
    const { connect, ask } = aServer(2);
    const [first, second] = [connect(), connect()];
    for (const socket of [first, second, first]) ask(socket).answer();
    // The new one itself has never been of use; as long as there is another, it is not the one to go.
    const third = connect();
    assert.deepEqual(open(first, second, third), [true, false, true]);
  });

  test('one with a whole review in hand stays, one whose body does not come goes', () => {
    const { connect, ask } = aServer(2);
    const [whole, slow] = [connect(), connect()];
    ask(whole).arrive();
    ask(slow);
    const third = connect();
    assert.deepEqual(open(whole, slow, third), [true, false, true]);
  });

  test('where each has a whole review in hand, the new one goes', () => {
    const { connect, ask, displaced } = aServer(1);
    const busy = connect();
    const review = ask(busy);
    review.arrive();
    const refused = connect();
    assert.deepEqual(open(busy, refused), [true, false]);
    assert.equal(displaced(), 1);
    review.answer();
    const next = connect();
    assert.deepEqual(open(busy, next), [false, true]);
  });

  test('one that sends a request before the last one is answered is ended', () => {
    const { connect, ask, pipelined } = aServer(5);
    const [patient, hasty] = [connect(), connect()];
    for (let i = 0; i < 40; i++) ask(patient).answer();
    ask(patient);
    ask(hasty);
    assert.deepEqual(open(patient, hasty), [true, true]);
    for (let i = 0; i < 3; i++) ask(hasty);
    assert.deepEqual(open(patient, hasty), [true, false]);
    assert.equal(pipelined(), 1);
  });

  test('one that has its response may send the next request before this process hears that it has', () => {
    const { connect, ask } = aServer(5);
    const socket = connect();
    const first = ask(socket);
    first.make();
    const second = ask(socket);
    first.answer();
    second.answer();
    assert.deepEqual(open(socket), [true]);
  });

  test('what is quiet ends; what is asked, was asked meanwhile, or has begun to ask, stays', () => {
    const { connections, connect, ask } = aServer(9);
    const [quiet, unused, busy, asked, begun, later] = [
      connect(),
      connect(),
      connect(),
      connect(),
      connect(),
      connect(),
    ];
    ask(quiet).answer();
    const inHand = ask(busy);
    const finishing = ask(later);
    const end = connections.noteQuiet();
    asked.bytesRead += 100;
    ask(asked).answer();
    begun.bytesRead += 1;
    finishing.answer();
    end();
    const all = [quiet, unused, busy, asked, begun, later];
    assert.deepEqual(open(...all), [false, false, true, true, true, true]);
    inHand.answer();
    connections.noteQuiet()();
    assert.deepEqual(open(...all), [false, false, false, false, false, false]);
  });
});
