import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Freshness } from './cache/cache.ts';
import type { RegistrationState } from './certificates/certificate-source.ts';
import type { ApiCall, CallLoad } from './kube/client.ts';
import { resourceOf } from './kube/paths.ts';
import { PURPOSES, type Purpose } from './kube/permissions.ts';
import type { Decision } from './policy/decision.ts';
import type { EntryState } from './policy/entry-lifecycle.ts';
import { MISSELECTIONS, type Misselection } from './policy/profiles/misselected.ts';
import { NO_PROFILE } from './policy/profiles/profile.ts';
import type { RivalCount } from './registration/rivals.ts';

/** What is asked for at each scrape. */
export interface MetricsSources {
  isReady(): boolean;
  permissionsMissing(purpose: Purpose): number;
  /** The names of those in force. Each has a series also where there is nothing to count. */
  profiles(): readonly string[];
  /** How many, by profile. */
  markedPods(): ReadonlyMap<string, number>;
  /** How many, by why they should not be selected. */
  misselectedPods(): ReadonlyMap<Misselection, number>;
  /** How many, by profile and name; empty while nobody knows. */
  rivalWebhooks(): readonly RivalCount[];
  /** How many, by profile and what hinders their operators. */
  stalledPods(): ReadonlyMap<string, ReadonlyMap<string, number>>;
  entries(): ReadonlyMap<EntryState, number>;
  /** Entries beyond the limit of their tracker. */
  entriesLeftOut(): number;
  /** How many pods that have disappeared are remembered. */
  earlierInstances(): number;
  queueDepth(): number;
  freshness(): readonly Freshness[];
  monotonicNow(): number;
  /** Of this machine before the API server's; NaN until it was measured. */
  clockAheadMs(): number;
  calls(): readonly CallLoad[];
  linesLost(): number;
  certificates(): readonly { readonly certificate: string; readonly at: number }[];
  /** undefined where the hook does not look after its registration. */
  registration(): RegistrationState | undefined;
  /** Whether what PROFILES_FILE says is in force; undefined where there is no such file. */
  profilesFileInForce(): boolean | undefined;
}

/** What an API call, a decision or a reconcile can take: from the cache at once, to the deadline of a webhook. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics of the process, in the words of the log; docs/metrics.md is their list. */
export function createMetrics(build: { readonly version: string; readonly nodeVersion: string }) {
  const registry = new Registry();
  const registers = [registry];
  let profiles = (): readonly string[] => [];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `reschedule_hook_${name}`, help, labelNames, registers });
  const perProfile = (name: string, help: string) =>
    new Counter({
      name: `reschedule_hook_${name}`,
      help,
      labelNames: ['profile'],
      registers,
      // Prometheus does not see the first increase of a series that was not there.
      collect() {
        for (const profile of profiles()) this.inc({ profile }, 0);
      },
    });
  const histogram = (name: string, help: string, labelNames: string[]) =>
    new Histogram({ name: `reschedule_hook_${name}`, help, labelNames, buckets: SECONDS, registers });

  new Gauge({
    name: 'reschedule_hook_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node_version'],
    registers,
  }).set({ version: build.version, node_version: build.nodeVersion }, 1);
  const decisions = counter(
    'decisions_total',
    'Evictions decided, by kind (allow, deny, mark), reason and profile of the pod',
    ['kind', 'reason', 'profile'],
  );
  const durations = histogram('decision_duration_seconds', 'Time to decide an eviction and carry the decision out', [
    'kind',
  ]);
  const untracked = perProfile(
    'marked_without_entry_total',
    'Pods marked without a tracking entry because their tracking resource was not found',
  );
  const pruned = counter('pruned_entries_total', 'Tracking entries pruned, by the state they were in', [
    'state',
    'profile',
  ]);
  const withdrawn = perProfile(
    'withdrawn_marks_total',
    'Marks that the hook took back, because nobody drained the node any more and the operator had not begun',
  );
  const evictions = counter(
    'own_evictions_total',
    'Evictions that the hook asked for, because the operator reports that the pod may go, by result (evicted, refused)',
    ['profile', 'result'],
  );
  const calls = counter(
    'api_requests_total',
    'Calls to the API server by method, resource and status code (0: no answer)',
    ['method', 'resource', 'code'],
  );
  const callDurations = histogram(
    'api_request_duration_seconds',
    'Time until the API server began to answer (a watch is counted once it is open)',
    ['method', 'resource'],
  );
  const reconciles = counter('reconciles_total', 'Reconciles by kind of key and result (success, error)', [
    'kind',
    'result',
  ]);
  const reconcileDurations = histogram('reconcile_duration_seconds', 'Time of a reconcile, by kind of key', ['kind']);
  const adds = counter('queue_adds_total', 'Keys put on the queue');
  const retries = counter('queue_retries_total', 'Keys put on the queue again because their reconcile failed');
  const interruptions = counter(
    'watch_interruptions_total',
    'Lists and watches that failed and were begun again, by kind of object',
    ['kind'],
  );
  const displaced = counter(
    'connections_displaced_total',
    'Connections ended because a port had too many: the one that was idle for the longest, else the new one',
  );
  const turnedAway = counter(
    'turned_away_total',
    'What was over a bound, and was refused so that it does not hold up the rest; by bound',
    ['bound'],
  );
  const dropped = counter(
    'earlier_instances_dropped_total',
    'Memories of pods that had disappeared, dropped because there were more than 10,000',
  );
  const leftOut = counter(
    'queue_left_out_total',
    'Keys dropped from a queue that had 10,000, by kind of key; the hook goes through all objects instead',
    ['kind'],
  );
  collectDefaultMetrics({ register: registry });

  return {
    registry,
    onDecision(decision: Decision, durationMs: number) {
      const { kind, reason, profile = NO_PROFILE } = decision;
      decisions.inc({ kind, reason, profile });
      durations.observe({ kind }, durationMs / 1000);
      if (decision.kind === 'mark' && decision.trackerMissing !== undefined) untracked.inc({ profile });
    },
    onWithdraw: (profile: string) => withdrawn.inc({ profile }),
    onEvict: (profile: string, result: 'evicted' | 'refused') => evictions.inc({ profile, result }),
    onPrune: (state: EntryState, profile: string) => pruned.inc({ state, profile }),
    onApiCall({ method, path, code, durationMs }: ApiCall) {
      const resource = resourceOf(path);
      calls.inc({ method, resource, code });
      callDurations.observe({ method, resource }, durationMs / 1000);
    },
    onReconcile(kind: string, result: 'success' | 'error', durationMs: number) {
      reconciles.inc({ kind, result });
      reconcileDurations.observe({ kind }, durationMs / 1000);
      if (result === 'error') retries.inc();
    },
    onQueueAdd: () => adds.inc(),
    onLeftOut: (kind: string, count: number) => leftOut.inc({ kind }, count),
    onWatchInterrupted: (kind: string) => interruptions.inc({ kind }),
    onDisplaced: () => displaced.inc(),
    onTurnedAway: (bound: string) => turnedAway.inc({ bound }),
    onEarlierInstanceDropped: () => dropped.inc(),
    read(sources: MetricsSources) {
      profiles = () => sources.profiles();
      readAtScrape(registry, sources);
    },
  };
}

/** Gauges that look when they are asked, so that they cannot go stale. */
function readAtScrape(registry: Registry, sources: MetricsSources): void {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[], read: () => Sample<L>[]) =>
    new Gauge<L>({
      name: `reschedule_hook_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  const single = (name: string, help: string, read: () => number) => gauge(name, help, [], () => [[{}, read()]]);
  const perKind = (name: string, help: string, read: (freshness: Freshness) => number) =>
    gauge(name, help, ['kind'], () => sources.freshness().map((one) => [{ kind: one.kind }, read(one)]));

  const total = <L extends string>(name: string, help: string, labelNames: L[], read: () => Sample<L>[]) =>
    new Counter<L>({
      name: `reschedule_hook_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  total(
    'log_lines_lost_total',
    'Lines of the log that nobody could read, because standard output was closed or its reader had stalled',
    [],
    () => [[{}, sources.linesLost()]],
  );
  single('ready', '1 while /readyz says yes, else 0', () => Number(sources.isReady()));
  gauge(
    'permissions_missing',
    'Permissions that the API server says are missing: those that answers need, and those of the upkeep',
    ['purpose'],
    () => PURPOSES.map((purpose) => [{ purpose }, sources.permissionsMissing(purpose)]),
  );
  gauge('marked_pods', 'Pods that carry the reschedule annotation, by profile', ['profile'], () =>
    [...ofAll(sources, sources.markedPods(), 0)].map(([profile, count]) => [{ profile }, count]),
  );
  gauge(
    'stalled_pods',
    'Pods that keep drains waiting until a human acts, by profile and what hinders their operator',
    ['profile', 'hindrance'],
    () =>
      [...ofAll(sources, sources.stalledPods(), NOBODY_STALLED)].flatMap(([profile, counts]) =>
        [...counts].map(([hindrance, count]): Sample<'profile' | 'hindrance'> => [{ profile, hindrance }, count]),
      ),
  );
  gauge(
    'misselected_pods',
    'Protected pods that should not be: of an operator that needs nothing, or of several profiles',
    ['why'],
    () => MISSELECTIONS.map((why) => [{ why }, sources.misselectedPods().get(why) ?? 0]),
  );
  gauge(
    'rival_webhooks',
    'Webhooks of others that are asked about evictions, and beside which a profile cannot work; none while it is not known',
    ['profile', 'rival'],
    () => sources.rivalWebhooks().map(({ profile, rival, webhooks }) => [{ profile, rival }, webhooks]),
  );
  gauge(
    'profiles_file_in_force',
    '1 if what PROFILES_FILE says is in force, else 0: it is wrong, or the hook lacks a right for it, and the last good one counts',
    [],
    () => {
      const inForce = sources.profilesFileInForce();
      return inForce === undefined ? [] : [[{}, Number(inForce)]];
    },
  );
  gauge('entries', 'Tracking entries by state', ['state'], () =>
    [...sources.entries()].map(([state, count]) => [{ state }, count]),
  );
  single(
    'entries_left_out',
    'Tracking entries that the hook does not look at, because their tracking resource has more than 2,500 (a ConfigMap: 12,000)',
    sources.entriesLeftOut,
  );
  single(
    'earlier_instances',
    'Memories of pods that had disappeared, each for about an hour; at 10,000 some are dropped',
    sources.earlierInstances,
  );
  single('queue_depth', 'Keys that wait to be reconciled', sources.queueDepth);
  perKind('cache_objects', 'Objects in the cache', ({ objects }) => objects);
  perKind('cache_synced', '1 once the first list is in', ({ hasSynced }) => Number(hasSynced));
  perKind('cache_age_seconds', 'Time since the API server last told something', ({ agreedAt }) =>
    Number.isFinite(agreedAt) ? (sources.monotonicNow() - agreedAt) / 1000 : Number.NaN,
  );
  single(
    'clock_ahead_seconds',
    "How far this machine's clock is ahead of the API server's, by the Date of its responses; NaN until the first",
    () => sources.clockAheadMs() / 1000,
  );
  const perClass = (name: string, help: string, read: (load: CallLoad) => number) =>
    gauge(name, help, ['class'], () => sources.calls().map((one) => [{ class: one.class }, read(one)]));
  perClass('api_calls_in_flight', 'Calls to the API server that run now, by class', ({ inFlight }) => inFlight);
  perClass(
    'api_calls_waiting',
    'Calls to the API server that wait until others of their class have ended, by class',
    ({ waiting }) => waiting,
  );
  const ofRegistration = <L extends string>(read: (state: RegistrationState) => Sample<L>[]) => {
    const state = sources.registration();
    return state === undefined ? [] : read(state);
  };
  gauge(
    'registered',
    '1 if the registration has a webhook that calls this installation, else 0: nobody asks the hook',
    [],
    () => ofRegistration(({ isRegistered }) => [[{}, Number(isRegistered)]]),
  );
  gauge(
    'registration_verified',
    '1 if the caBundle of the registration verifies what this replica serves, else 0: evictions fail that it is asked about',
    [],
    () => ofRegistration(({ isVerified }) => [[{}, Number(isVerified)]]),
  );
  total(
    'unprotected_seconds_total',
    'Time in which evictions may have gone past the hook, because its registration was empty, narrowed or gone',
    [],
    () => ofRegistration(({ unprotectedMs }) => [[{}, unprotectedMs / 1000]]),
  );
  total(
    'registration_corrections_total',
    "Somebody else's changes of the registration undone, by what was changed, and those that had to wait",
    ['what'],
    () =>
      ofRegistration(({ corrections }) => [
        [{ what: 'webhooks' }, corrections.webhooks],
        [{ what: 'bundle' }, corrections.bundle],
        [{ what: 'postponed' }, corrections.postponed],
      ]),
  );
  total(
    'authorities_left_out_total',
    "Authorities of others left out of the caBundle, because there were more than 200 or 256 KiB, by this replica's writes",
    [],
    () => ofRegistration(({ authoritiesLeftOut }) => [[{}, authoritiesLeftOut]]),
  );
  gauge(
    'certificate_expiry_timestamp_seconds',
    'When a certificate ends: the one that is served, the authority that signs it, those of the clients',
    ['certificate'],
    () => sources.certificates().map(({ certificate, at }) => [{ certificate }, at / 1000]),
  );
}

const NOBODY_STALLED: ReadonlyMap<string, number> = new Map([['None', 0]]);

/** The counts of all profiles in force, and of those that were. */
function ofAll<T>(sources: Pick<MetricsSources, 'profiles'>, counts: ReadonlyMap<string, T>, none: T): Map<string, T> {
  return new Map([...sources.profiles().map((profile) => [profile, none] as const), ...counts]);
}

type Sample<L extends string> = [labels: Partial<Record<L, string>>, value: number];
