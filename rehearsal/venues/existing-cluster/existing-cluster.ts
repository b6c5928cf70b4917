import { randomBytes } from 'node:crypto';
import { UsageError } from '../../../src/command-line.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import { describeError } from '../../../src/kube/errors.ts';
import { selects } from '../../../src/policy/profiles/profile.ts';
import { Cleanup } from '../../../testkit/cleanup.ts';
import { resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { deniedBy, probe } from '../../../testkit/webhook-registration.ts';
import { installedKubectl } from '../../drainers/kubectl.ts';
import { COUCHBASE } from '../../operator/models/couchbase.ts';
import type { Place, Site, Venue, VenueNeeds } from '../venue.ts';
import { type Confirmation, checkAndConfirm } from './confirmation.ts';
import { type ClusterContext, connectTo, readFirst } from './connection.ts';
import { cordoningKubectl } from './cordoning-kubectl.ts';
import { annotationOf, findInstalledHook, type InstalledHook } from './installed-hook.ts';
import * as standIns from './stand-ins.ts';

export interface ExistingClusterOptions extends ClusterContext, Pick<Confirmation, 'nodes' | 'image' | 'yes' | 'ask'> {
  readonly periodMs: number;
  readonly env: NodeJS.ProcessEnv;
  /** How long the hook has to answer the first request. Default 20 s. */
  readonly answerWithinMs?: number;
}

const CLUSTER = 'cb';
const ANSWER_WITHIN_MS = 20_000;
/** An image may have to be pulled. */
const START_WITHIN_MS = 180_000;

/**
 * A cluster that exists, with the hook that is installed there. Everything that a rehearsal creates is taken back. Opening it
 * throws a UsageError if it must not or cannot be rehearsed there.
 */
export function existingCluster(options: ExistingClusterOptions): Venue {
  return {
    atOnce: 1,
    async open(needs, cleanup): Promise<Site> {
      const { write, signal } = needs;
      const { client, close } = await connectTo(options, options.env);
      cleanup.defer(close);
      const found = await readFirst(options, signal, () => findAndConfirm(client, options, needs));
      signal.throwIfAborted();
      announceEnd(write, signal, cleanup);
      const namedCleanup = naming(cleanup, write);
      await prepare({ answerWithinMs: ANSWER_WITHIN_MS, ...options, client, ...found }, needs, namedCleanup);
      const { settings } = found.hook;
      return {
        client,
        annotation: annotationOf(settings),
        clusterOf: ({ labels }) => labels[standIns.MEMBER_LABEL],
        place: placeFor(client, found, options, namedCleanup),
        failed: new Promise(() => undefined),
      };
    },
  };
}

interface Found {
  readonly hook: InstalledHook;
  readonly kubectl: string;
  /** The namespace of the rehearsal. */
  readonly run: string;
}

async function findAndConfirm(
  client: ApiClient,
  options: ExistingClusterOptions,
  { members, write }: VenueNeeds,
): Promise<Found> {
  const kubectl = installedKubectl(options.env.PATH);
  if (kubectl === undefined) throw new UsageError('kubectl is not in the PATH');
  const run = `reschedule-hook-rehearsal-${randomBytes(3).toString('hex')}`;
  const hook = await findInstalledHook(client, options.installation);
  await checkAndConfirm({ ...options, client, hook, run, members, write });
  return { hook, kubectl, run };
}

/** From here on there is something to take back: after an interrupt, a line says that it takes time. */
function announceEnd(write: (line: string) => void, signal: AbortSignal, cleanup: Cleanup): void {
  const announce = () => write('takes everything back, which may take a minute');
  signal.addEventListener('abort', announce, { once: true });
  cleanup.defer(async () => signal.removeEventListener('abort', announce));
}

/** A cleanup that names at once what it cannot undo: a failure that follows from it must not hide it. */
function naming(cleanup: Cleanup, write: (line: string) => void): Cleanup {
  const named = new Cleanup();
  named.defer = (undo) =>
    cleanup.defer(() =>
      undo().catch((error: unknown) => {
        write(`left behind: ${describeError(error)}`);
        throw error;
      }),
    );
  return named;
}

interface Preparation extends Found, Pick<ExistingClusterOptions, 'image'> {
  readonly client: ApiClient;
  readonly answerWithinMs: number;
}

/** Creates the definition and the namespace, and waits until the hook answers there. */
async function prepare(
  { client, hook, run, image, answerWithinMs }: Preparation,
  { signal }: VenueNeeds,
  cleanup: Cleanup,
): Promise<void> {
  const kind = standIns.kindFor(hook.settings);
  // Deferred before they exist, because the response to a creation can be lost.
  cleanup.defer(() => standIns.removeDefinition(client, kind, run));
  await standIns.createDefinition(client, kind, run, signal);
  cleanup.defer(() => standIns.removeNamespace(client, run));
  await createNamespace(client, run, standIns.namespaceLabels(hook.settings, run));
  const { coversUsed, settings } = hook;
  const removeFirst = coversUsed ? await standIns.createFirst(client, settings, kind, { run, image }) : undefined;
  await untilAnswered(client, hook, run, answerWithinMs, signal);
  await removeFirst?.();
}

/** The registration says that the API server calls the hook; only an answer shows that the hook can be reached. */
async function untilAnswered(
  client: ApiClient,
  { webhooks }: InstalledHook,
  run: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const answered = async () => {
    const answer = await probe(client, run);
    if (!webhooks.some((webhook) => answer === deniedBy(webhook))) throw new NotYet(answer);
  };
  try {
    await until('an answer of the installed hook', answered, { timeoutMs, everyMs: 500, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new UsageError(describeError(error), { cause: error });
  }
}

function placeFor(
  client: ApiClient,
  { hook, kubectl, run }: Found,
  { nodes, image, periodMs, env, ...cluster }: ExistingClusterOptions,
  cleanup: Cleanup,
): Place {
  const { settings } = hook;
  const kind = standIns.kindFor(settings);
  const running = { image, nodes };
  const labels = { ...standIns.WEB_LABELS, [standIns.RUN_LABEL]: run };
  const isEverythingProtected = settings.profiles.some((profile) => selects(profile, { labels }));
  return {
    namespace: run,
    nodes,
    cluster: CLUSTER,
    kind,
    model: COUCHBASE,
    trackerPath: resourcePath(kind, run, CLUSTER),
    isMember: (pod) => pod.labels[standIns.MEMBER_LABEL] === CLUSTER,
    memberLabels: { [standIns.MEMBER_LABEL]: CLUSTER },
    nodeSelector: {},
    operator: {
      labels: standIns.memberLabels(settings, kind, run),
      manifest: (pod) => standIns.asStandIn(pod, running),
    },
    periodMs,
    ...(isEverythingProtected ? {} : { plainPods: { labels, spec: standIns.standInSpec(running) } }),
    drainer: cordoningKubectl({ client, cluster, kubectl, env, run, cleanup }),
    startWithinMs: START_WITHIN_MS,
  };
}
