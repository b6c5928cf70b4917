/** What one read costs: the hook's own client asks for the metadata of pods, and does nothing else. */
import { systemClock } from '../../src/async/system-clock.ts';
import { createApiClient } from '../../src/kube/client.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createReads, type Reads } from '../../src/kube/reads.ts';
import { answerCalls } from '../support/rpc.ts';

export interface ReadJob {
  readonly namespace: string;
  /** Read in turn, round and round. */
  readonly pods: readonly string[];
  /** How many reads are under way at a time. */
  readonly atOnce: number;
  readonly durationMs: number;
  /** Goes on after `durationMs` until there were so many. */
  readonly atLeast: number;
}

export type ReaderHandlers = {
  open(kubeconfigPath: string): Promise<void>;
  /** Resolves to the CPU of one read, in microseconds. */
  read(job: ReadJob): Promise<number>;
};

let reads: Reads;

async function open(kubeconfigPath: string): Promise<void> {
  const connection = await openConnection(() => loadKubeConfig({ KUBECONFIG: kubeconfigPath }), systemClock);
  reads = createReads(createApiClient(connection, systemClock));
}

async function read({ namespace, pods, atOnce, durationMs, atLeast }: ReadJob): Promise<number> {
  const endAt = performance.now() + durationMs;
  const before = process.cpuUsage();
  let count = 0;
  const readOn = async () => {
    while (performance.now() < endAt || count < atLeast) {
      const name = pods[count++ % pods.length] ?? '';
      const pod = await reads.podMetadata(namespace, name, new AbortController().signal);
      if (pod === undefined) throw new Error(`there is no pod ${namespace}/${name}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, readOn));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

answerCalls({ open, read } satisfies ReaderHandlers);
