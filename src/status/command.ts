import { untilAborted } from '../async/abort.ts';
import type { Clock, Timer } from '../async/clock.ts';
import { type Cache, createCache } from '../cache/cache.ts';
import { ConfigError } from '../config/config.ts';
import { createJudge } from '../installed/view.ts';
import type { ApiClient } from '../kube/client.ts';
import { ApiError, describeError } from '../kube/errors.ts';
import { type PolicySettings, trackedResources } from '../policy/profiles/profile.ts';
import { colours } from '../terminal/colours.ts';
import type { StatusFlags } from './flags.ts';
import { DrainMemory } from './progress.ts';
import { renderChanges, renderTables } from './render.ts';
import { buildReport, type StatusReport } from './report.ts';
import { openRivals } from './rivals.ts';
import { type InForce, type SettingsWorld, settingsInForce } from './settings.ts';
import { UnmarkedPods } from './unmarked.ts';

/** The environment of the command. */
export interface StatusWorld extends SettingsWorld {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly isColoured: boolean;
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
export async function showStatus(flags: StatusFlags, world: StatusWorld): Promise<number> {
  try {
    return await show(flags, await settingsInForce(flags, world), world);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    world.complain(describeError(error));
    return 2;
  }
}

async function show(flags: StatusFlags, inForce: InForce, world: StatusWorld): Promise<number> {
  const { settings } = inForce;
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
    if (world.stop.aborted) return 0;
    const scope = flags.namespace === undefined ? {} : { namespace: flags.namespace };
    const judge = createJudge({ ...world, cache, settings });
    const unmarked = new UnmarkedPods({ ...world, ...scope, cache, judge, settings });
    const memory = new DrainMemory();
    await unmarked.refresh();
    const options = { ...scope, ...inForce, memory };
    const report = () => {
      const seen = { now: world.clock.now(), rivals: rivals.watch.found, unmarked: unmarked.found };
      return buildReport(cache, { ...options, ...seen });
    };
    const sources = [...storesOf(cache), rivals];
    if (flags.watch) await follow({ flags, sources, world, report, look: () => unmarked.refresh() });
    else world.print(render(flags, world, report()));
    return 0;
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

interface Following {
  readonly flags: StatusFlags;
  readonly sources: readonly Changing[];
  readonly world: StatusWorld;
  readonly report: () => StatusReport;
  /** Looks at what no watch tells. Resolves to the ms after which it has to look again, if it did not. */
  readonly look: () => Promise<number | undefined>;
}

/** Prints the report again whenever it changes. Resolves when the command is stopped. */
async function follow({ flags, sources, world, report, look }: Following): Promise<void> {
  const isRedrawn = world.isTerminal && flags.output === 'table';
  let last = report();
  world.print(isRedrawn ? CLEAR + render(flags, world, last) : render(flags, world, last));
  const show = async () => {
    const lookInMs = await look();
    if (world.stop.aborted) return;
    const next = report();
    if (isRedrawn) world.print(CLEAR + render(flags, world, next));
    else printChanges(flags, world, last, next);
    last = next;
    if (isRedrawn || lookInMs !== undefined) showIn(isRedrawn ? REDRAW_MS : (lookInMs ?? 0));
  };
  let shown = Promise.resolve();
  let timer: Timer | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  const showIn = (ms: number) => {
    const at = world.clock.monotonicNow() + ms;
    if (at >= dueAt || world.stop.aborted) return;
    timer?.cancel();
    dueAt = at;
    timer = world.clock.setTimer(() => {
      dueAt = Number.POSITIVE_INFINITY;
      shown = shown.then(show);
    }, ms);
  };
  const unsubscribe = sources.map((source) => source.subscribe(() => showIn(GATHER_MS)));
  if (isRedrawn) showIn(REDRAW_MS);
  await untilAborted(world.stop);
  timer?.cancel();
  for (const end of unsubscribe) end();
  await shown;
}

function printChanges(flags: StatusFlags, world: StatusWorld, before: StatusReport, after: StatusReport): void {
  const changes = renderChanges(before, after);
  if (changes.length === 0) return;
  if (flags.output === 'json') world.print(`${JSON.stringify(after)}\n`);
  else world.print(changes.map((line) => `${new Date(world.clock.now()).toISOString()} ${line}\n`).join(''));
}

function render({ output, watch }: StatusFlags, { isColoured }: StatusWorld, report: StatusReport): string {
  if (output === 'table') return renderTables(report, colours(isColoured));
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
