/** One drain that is asked for. */
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
  /** Whose words its lines are, for a timeline. */
  readonly voice: string;
  /** Resolves to an exit code, 0 where the node is drained. Rejects only where it could not be run at all. */
  drain(request: DrainRequest): Promise<number>;
  /** Lets the API server say what a drain would do, and writes nothing. Absent where it cannot. */
  readonly dryRun?: (request: DrainRequest) => Promise<number>;
}
