import { createInterface } from 'node:readline';

/** Asks a yes-or-no question; undefined if no person sits at the input. Anything but yes is no, its end too. */
export function questionFor(
  input: NodeJS.ReadStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): ((question: string) => Promise<boolean>) | undefined {
  if (!input.isTTY) return undefined;
  return async (question) => {
    if (signal.aborted) return false;
    // No raw mode: an interrupt has to stay one.
    const lines = createInterface({ input, terminal: false });
    const end = () => lines.close();
    signal.addEventListener('abort', end, { once: true });
    output.write(question);
    try {
      for await (const line of lines) return /^y(es)?$/i.test(line.trim());
      return false;
    } finally {
      signal.removeEventListener('abort', end);
      lines.close();
    }
  };
}
