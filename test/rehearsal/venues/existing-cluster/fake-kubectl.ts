/** `kubectl drain` as the rehearsal calls it, for machines that have none; EXIT makes it end at once, RETRY_MS is how long it waits. */

import { fastClock } from '../../../../rehearsal/drainers/clock.ts';
import { drainerOf } from '../../../../rehearsal/drainers/drain-node.ts';
import { KUBECTL } from '../../../../rehearsal/drainers/models/kubectl.ts';
import type { ApiClient } from '../../../../src/kube/client.ts';
import { connect } from '../../../../testkit/connect.ts';

const { KUBECONFIG = '', EXIT, RETRY_MS = '100' } = process.env;
if (EXIT !== undefined) process.exit(Number(EXIT));

const [verb, node = ''] = process.argv.slice(2);
const selector = process.argv.find((arg) => arg.startsWith('--pod-selector='))?.replace('--pod-selector=', '');
if (verb !== 'drain' || selector === undefined) throw new Error(`not as expected: ${process.argv.join(' ')}`);

const { client, close } = await connect(KUBECONFIG, 'kubectl');
const selecting: ApiClient = {
  json: (call) =>
    client.json(call.path === '/api/v1/pods' ? { ...call, query: { ...call.query, labelSelector: selector } } : call),
  stream: (call) => client.stream(call),
};
const drainer = drainerOf(KUBECTL, selecting, fastClock(5_000 / Number(RETRY_MS)));
process.exitCode = await drainer.drain({
  node,
  timeoutMs: 60_000,
  onLine: (line, stream) => void process[stream].write(`${line}\n`),
});
await close();
