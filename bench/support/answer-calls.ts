/** Apart from rpc.ts, which knows how processes are built: that is no part of them. */
import type { Call, Handlers, Reply } from './rpc.ts';

/** The other side: answers calls until the process that started this one goes away. */
export function answerCalls(handlers: Handlers): void {
  process.on('message', (call: Call) => void answer(handlers, call));
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches the whole group; the process that started this one decides what becomes of it.
  process.on('SIGINT', () => undefined);
}

async function answer(handlers: Handlers, { id, method, argument }: Call): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, value: await handlers[method]?.(argument as never) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  if (process.connected) process.send?.(reply);
}
