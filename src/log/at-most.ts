/**
 * For a line that must not flood the log. Returns how often it was due since it was last written, or undefined if that is
 * less than `pauseMs` ago. `monotonicNow` returns milliseconds.
 */
export function atMostEvery(pauseMs: number, monotonicNow: () => number): () => number | undefined {
  let saidAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    count++;
    if (monotonicNow() - saidAt < pauseMs) return undefined;
    saidAt = monotonicNow();
    const due = count;
    count = 0;
    return due;
  };
}
