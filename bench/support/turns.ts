import { type AddressInfo, connect, createServer } from 'node:net';

/** Hands its connections to the ports in turn, as a Service does. */
export async function inTurns(ports: readonly number[]): Promise<{ readonly port: number; close(): Promise<void> }> {
  let next = 0;
  const server = createServer((socket) => {
    const onward = connect(ports[next++ % ports.length] ?? 0, '127.0.0.1');
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
    socket.pipe(onward).pipe(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((done) => void server.close(() => done())),
  };
}
