import type { ApiClient } from '../../../src/kube/client.ts';
import type { Cleanup } from '../../../testkit/cleanup.ts';
import type { Recorder } from '../../evidence/recorder.ts';
import type { Timeline } from '../../evidence/timeline.ts';
import type { Witness } from '../../evidence/witness.ts';
import type { Flags } from '../../flags.ts';
import type { RehearsalOptions } from '../../rehearse.ts';
import type { ClusterFlags } from './flags.ts';
import type { InstalledHook } from './installed-hook.ts';

export interface AnyClusterOptions extends RehearsalOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Asks the person before the terminal; undefined where there is none. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  /** How long the hook has to answer the first question. Default 20 s. */
  readonly answerWithinMs?: number;
}

/** What one run works with. */
export interface Run extends AnyClusterOptions {
  readonly flags: Flags;
  readonly cluster: ClusterFlags;
  readonly client: ApiClient;
  readonly hook: InstalledHook;
  readonly kubectl: string;
  /** The namespace of the run. */
  readonly name: string;
  readonly timeline: Timeline;
  readonly recorder: Recorder;
  readonly witness: Witness;
  readonly now: () => number;
  readonly cleanup: Cleanup;
}
