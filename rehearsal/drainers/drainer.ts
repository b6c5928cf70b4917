/** One drain, as it is requested. */
export interface DrainRequest {
  readonly node: string;
  /** Given up after that; a drainer has no limit of its own. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** What it says while it works, as an administrator would see it. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** Something that drains nodes by evicting their pods, as it behaves in the world outside. */
export interface Drainer {
  /** For the record of a rehearsal. */
  readonly name: string;
  /** Who speaks its lines in a timeline. */
  readonly voice: string;
  /** Resolves to an exit code, 0 if the node is drained. Rejects only if it could not be run at all. */
  drain(request: DrainRequest): Promise<number>;
  /** Lets the API server say what a drain would do, and writes nothing. Absent if it cannot. */
  readonly dryRun?: (request: DrainRequest) => Promise<number>;
}
