/** One answer of the hook, or why there was none (code 0). An allowed eviction has code 200. */
export interface Answer {
  readonly pod: string;
  readonly code: number;
  readonly message: string;
  /** On the monotonic clock. */
  readonly askedAt: number;
  readonly answeredAt: number;
}
