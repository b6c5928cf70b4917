import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheHandlers } from '../processes/cache.ts';
import type { StandInHandlers } from '../processes/stand-in.ts';
import { appOf } from '../support/cluster-state.ts';
import type { Context } from '../support/context.ts';
import { IMAGE } from '../support/image.ts';
import { namespaceOf, podName } from '../support/objects.ts';
import type { ProfilesResult, ProfilesRun } from '../support/results.ts';

const PODS = 20_000;
const NODES = 500;
const SEVERAL = 8;
const ANSWERS = 20_000;
/** The stand-in counts its resource versions from here; see ClusterState. */
const FIRST_VERSION = 1_000_000;
/** Every pod of the stand-in has it, with another value than a profile for Couchbase would write. */
const MARK = 'cao.couchbase.com/reschedule';

/** As many pods of one profile and of eight, in turn, so that a busy machine meets both. */
export async function measureProfiles(context: Context): Promise<ProfilesResult> {
  const rounds = context.quick ? 2 : 4;
  const runs: ProfilesRun[] = [];
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first in a round meets a colder machine.
    const order = round % 2 === 0 ? [1, SEVERAL] : [SEVERAL, 1];
    for (const profiles of order) runs.push(await measure(context, profiles));
  }
  return { pods: PODS, runs };
}

async function measure(context: Context, profiles: number): Promise<ProfilesRun> {
  context.progress(`profiles: ${PODS} pods of ${profiles}`);
  const standIn = context.start<StandInHandlers>('stand-in');
  const size = {
    pods: PODS,
    nodes: NODES,
    clusters: 0,
    entries: 0,
    onCordonedNode: false,
    profiles,
    written: { mark: 4 },
  };
  const port = await standIn.call('start', { size, ...context.serving });
  const cache = context.start<CacheHandlers>('cache', IMAGE);
  const kubeconfigPath = await context.kubeconfig(port);
  const file = join(context.dir, `profiles-${profiles}.yaml`);
  await writeFile(file, JSON.stringify({ profiles: Array.from({ length: profiles }, (_, i) => aProfile(i)) }));
  const env = { PROFILES_FILE: file, TRACK_RESCHEDULED_PODS: 'false' };
  const synced = await cache.call('sync', { kubeconfigPath, env });
  const last = PODS - 1;
  const followed = cache.call('follow', {
    namespace: namespaceOf(last),
    name: podName(last),
    version: FIRST_VERSION + PODS,
  });
  await standIn.call('modify', PODS);
  const { cpuSeconds } = await followed;
  // A step that meets every profile, whatever their number is.
  const asked = Array.from({ length: ANSWERS }, (_, i) => (i * 7) % PODS);
  const { ms, wrong } = await cache.call(
    'answers',
    asked.map((index) => ({ namespace: namespaceOf(index), name: podName(index) })),
  );
  if (wrong > 0) throw new Error(`${wrong} answers were not those of a marked pod`);
  const peakMb = await cache.call('peakMb', undefined);
  await cache.stop();
  await standIn.stop();
  const { syncMs, rssMb } = synced;
  return { profiles, syncMs, rssMb, peakMb, changeCpuUs: (cpuSeconds * 1e6) / PODS, answerUs: ms * 1000 };
}

const aProfile = (number: number) => ({
  name: `ours-${number}`,
  selector: `app=${appOf(number)}`,
  mark: { annotation: MARK, value: 'true', match: 'present' },
  names: 'reused',
});
