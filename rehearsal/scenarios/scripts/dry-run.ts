import { describeError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { drainTimeoutMs } from '../drain.ts';
import type { Play } from '../play.ts';
import { versions } from './hook-writes.ts';

/** Requests dry runs of the eviction of every member, and looks whether anything was written. */
export async function dryRun(play: Play): Promise<void> {
  const before = await versions(play);
  await dryRunOfEvictions(play);
  await dryRunOfDrain(play);
  play.expect('nothing was written', before === (await versions(play)), 'a pod, the cluster or a node has changed');
}

/** Where a dry run can be requested: of the API server, which then says so in its review, and in the body, as kubectl does. */
const CHANNELS = [
  { name: 'the request', query: { dryRun: 'All' }, deleteOptions: {} },
  { name: 'its body', query: {}, deleteOptions: { dryRun: ['All'] } },
];

async function dryRunOfEvictions(play: Play): Promise<void> {
  for (const { name: channel, query, deleteOptions } of CHANNELS) {
    const refused: string[] = [];
    for (const { namespace, name } of play.members()) {
      const path = `${podPath(namespace, name)}/eviction`;
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name }, deleteOptions };
      play.log(`asks for a dry run of the eviction of ${name}, in ${channel}`);
      await play.client
        .json({ method: 'POST', path, query, body })
        .catch((error: unknown) => refused.push(describeError(error)));
    }
    play.expect(`every dry run that ${channel} asked for was allowed`, refused.length === 0, refused.join('; '));
  }
}

/** Only if the drainer has dry runs; kubectl then prints the warnings of the hook. */
async function dryRunOfDrain(play: Play): Promise<void> {
  const { drainer, evidence, signal } = play.options;
  if (drainer.dryRun === undefined) return;
  const node = play.node();
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    evidence.timeline.add({ who: drainer.voice, what: line });
  };
  play.log('asks for a dry run of the drain', node);
  const code = await drainer.dryRun({ node, timeoutMs: drainTimeoutMs(play.options), signal, onLine });
  signal.throwIfAborted();
  play.expect(`${drainer.name} --dry-run=server ended without an error`, code === 0, `exit code ${code}`);
  const unsaid = play
    .membersOn(node)
    .filter(({ namespace, name }) => !lines.some((line) => line.includes(`pod ${namespace}/${name} would be marked`)));
  const what = 'it told of each member that it would be marked';
  play.expect(what, unsaid.length === 0, `nothing was said of ${unsaid.map(({ name }) => name).join(', ')}`);
}
