import { untilAborted } from '../async/abort.ts';
import type { Clock, Timer } from '../async/clock.ts';
import { type Cache, createCache } from '../cache/cache.ts';
import type { ApiClient } from '../kube/client.ts';
import { ApiError, describeError } from '../kube/errors.ts';
import { type PolicySettings, trackedResources } from '../policy/profiles/profile.ts';
import type { StatusFlags } from './flags.ts';
import { renderChanges, renderTables } from './render.ts';
import { buildReport, type StatusReport } from './report.ts';
import { openRivals } from './rivals.ts';

/** The environment of the command. */
export interface StatusWorld {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly complain: (line: string) => void;
  /** Aborts when the user stops the command. */
  readonly stop: AbortSignal;
}

/** How often to redraw without a change, because ages grow. */
const REDRAW_MS = 2_000;
/** Changes within this time are shown together. */
const GATHER_MS = 100;
const CLEAR = '\x1b[H\x1b[2J\x1b[3J';

/**
 * Reads the cluster once, or until it is stopped, and prints the report. Resolves to the exit code: 2 if it could not
 * read the cluster. The error output names a missing permission.
 */
export async function showStatus(flags: StatusFlags, settings: PolicySettings, world: StatusWorld): Promise<number> {
  const { promise: synced, resolve, reject } = Promise.withResolvers<void>();
  const cache = openCache(flags, settings, world, {
    onSynced: resolve,
    onInterrupted: (kind, error) => {
      const problem = describeProblem(kind, error, scopeOf(kind, flags, settings));
      if (cache.hasSynced()) world.complain(problem);
      else reject(new Error(problem));
    },
  });
  const rivals = openRivals(settings, world);
  world.stop.addEventListener('abort', () => resolve(), { once: true });
  cache.start();
  rivals.watch.start();
  try {
    await synced;
    await rivals.looked();
    const report = () => buildReport(cache, { ...flags, settings, now: world.clock.now(), rivals: rivals.watch.found });
    if (world.stop.aborted) return 0;
    if (flags.watch) await follow(flags, [...storesOf(cache), rivals], world, report);
    else world.print(render(flags, report()));
    return 0;
  } catch (error) {
    world.complain(describeError(error));
    return 2;
  } finally {
    await Promise.all([cache.stop(), rivals.watch.stop()]);
  }
}

function openCache(
  { namespace }: StatusFlags,
  settings: PolicySettings,
  { client, clock, random }: StatusWorld,
  on: { onSynced: () => void; onInterrupted: (kind: string, error: unknown) => void },
): Cache {
  return createCache({
    ...(namespace === undefined ? {} : { namespace }),
    client,
    settings,
    clock,
    random,
    log: () => undefined,
    ...on,
  });
}

/** What the report is made from, and tells when it changes. */
interface Changing {
  subscribe(handler: () => void): () => void;
}

const storesOf = ({ pods, nodes, trackers, namespaces }: Cache): Changing[] => [pods, nodes, trackers, namespaces];

/** Prints the report again whenever it changes. Resolves when the command is stopped. */
async function follow(
  flags: StatusFlags,
  sources: readonly Changing[],
  world: StatusWorld,
  report: () => StatusReport,
): Promise<void> {
  const isRedrawn = world.isTerminal && flags.output === 'table';
  let last = report();
  world.print(isRedrawn ? CLEAR + render(flags, last) : render(flags, last));
  const show = () => {
    const next = report();
    if (isRedrawn) world.print(CLEAR + render(flags, next));
    else printChanges(flags, world, last, next);
    last = next;
  };
  let timer: Timer | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  const showIn = (ms: number) => {
    const at = world.clock.monotonicNow() + ms;
    if (at >= dueAt || world.stop.aborted) return;
    timer?.cancel();
    dueAt = at;
    timer = world.clock.setTimer(() => {
      dueAt = Number.POSITIVE_INFINITY;
      show();
      if (isRedrawn) showIn(REDRAW_MS);
    }, ms);
  };
  const unsubscribe = sources.map((source) => source.subscribe(() => showIn(GATHER_MS)));
  if (isRedrawn) showIn(REDRAW_MS);
  await untilAborted(world.stop);
  timer?.cancel();
  for (const end of unsubscribe) end();
}

function printChanges(flags: StatusFlags, world: StatusWorld, before: StatusReport, after: StatusReport): void {
  const changes = renderChanges(before, after);
  if (changes.length === 0) return;
  if (flags.output === 'json') world.print(`${JSON.stringify(after)}\n`);
  else world.print(changes.map((line) => `${new Date(world.clock.now()).toISOString()} ${line}\n`).join(''));
}

function render({ output, watch }: StatusFlags, report: StatusReport): string {
  if (output === 'table') return renderTables(report);
  return `${watch ? JSON.stringify(report) : JSON.stringify(report, null, 2)}\n`;
}

/** The namespace that a kind is read in; undefined if it is read in all, or is in none. */
function scopeOf(kind: string, { namespace }: StatusFlags, settings: PolicySettings): string | undefined {
  const own = trackedResources(settings).find(({ plural }) => plural === kind)?.own;
  return own?.namespace ?? (kind === 'nodes' || kind === 'namespaces' ? undefined : namespace);
}

function describeProblem(kind: string, error: unknown, namespace: string | undefined): string {
  if (!(error instanceof ApiError) || error.code !== 403) return `${kind} cannot be read: ${describeError(error)}`;
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
  return `missing permission: list and watch ${kind}${where} (${describeError(error)})`;
}
