import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { COUCHBASE } from '../../../rehearsal/operator/models/couchbase.ts';
import { TIDB_PD, TIDB_TIKV } from '../../../rehearsal/operator/models/tidb.ts';
import { StandInOperator } from '../../../rehearsal/operator/stand-in-operator.ts';
import { systemClock } from '../../../src/async/system-clock.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { forecastOf } from '../../../src/preflight/command.ts';
import type { Forecast } from '../../../src/preflight/forecast/findings.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { installClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { waitForMembers } from '../../../testkit/couchbase/workload.ts';
import { startHook } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import type { Rig } from '../../cluster/support/rig.ts';
import { CLUSTER, firstNode, furnish, hinder, memberOf, prepare, remove } from './build.ts';
import type { Recipe } from './recipe.ts';

/** What was forecast of a cluster, and what a drain then did. */
export interface Verdict {
  readonly recipe: Recipe;
  /** The words of what would hang, by the forecast. */
  readonly forecast: readonly string[];
  /** kubectl did not end, or a replacement found no other node. */
  readonly hung: boolean;
  /** The last line of kubectl, or what the scheduler says. */
  readonly said: string;
}

export interface JudgeOptions {
  readonly rig: Rig;
  /** So many clusters stand, and are drained, beside each other. */
  readonly atOnce: number;
  /** A drain that has not ended by then hangs. Five times what one takes that nothing hinders. */
  readonly drainSeconds: number;
  readonly onVerdict?: (verdict: Verdict) => void;
}

const HOOK = 'judge';
const PERIOD_MS = 500;
const STALL_MS = 20_000;
const PROFILES = `profiles:
  - {name: couchbase, tracking: couchbasecluster, stallAfter: 20s}
  - {name: tidb-v1-tikv, tracking: namespace}
  - {name: tidb-v1-pd, tracking: namespace}
`;
const PATIENCE_MS = 240_000;
const MODELS: Readonly<Record<Recipe['operator'], OperatorModel>> = {
  couchbase: COUCHBASE,
  'tidb-v1-tikv': TIDB_TIKV,
  'tidb-v1-pd': TIDB_PD,
};
/** Their operators do nothing once the members are there: some have stopped, and one never moves the only member. */
const WITHOUT_OPERATOR: readonly Recipe['hindrance'][] = ['stalled', 'terminating', 'only-member'];

/** Builds each cluster on the control plane of the rig, forecasts its drain, and then drains it with kubectl. */
export async function judge(recipes: readonly Recipe[], options: JudgeOptions): Promise<Verdict[]> {
  const env = await startJudgedHook(options.rig);
  const found: Verdict[] = [];
  for (let i = 0; i < recipes.length; i += options.atOnce) {
    found.push(...(await judgeBatch(recipes.slice(i, i + options.atOnce), env, options)));
  }
  return found;
}

async function startJudgedHook(rig: Rig): Promise<Record<string, string>> {
  const { controlPlane, authority, client } = rig;
  const kinds = new Map(Object.values(MODELS).map(({ kind }) => [kind.plural, kind]));
  for (const kind of kinds.values()) await installClusterDefinition(client, kind);
  const file = join(controlPlane.dir, 'profiles.yaml');
  await writeFile(file, PROFILES);
  const files = await writeServing(join(controlPlane.dir, HOOK), await authority.issue());
  const env = { PROFILES_FILE: file };
  const hook = await startHook({ kubeconfigPath: controlPlane.kubeconfigPath, files, env, timeoutMs: PATIENCE_MS });
  rig.atStop(async () => void (await hook.stop()));
  await rig.register(HOOK, hook.url);
  return env;
}

async function judgeBatch(
  batch: readonly Recipe[],
  env: Record<string, string>,
  options: JudgeOptions,
): Promise<Verdict[]> {
  const { client } = options.rig;
  const operators = operatorsFor(batch, options.rig);
  try {
    await Promise.all(batch.map((recipe) => prepare(client, recipe, MODELS[recipe.operator].kind, HOOK)));
    for (const operator of operators.values()) operator.start();
    const nodes = await Promise.all(batch.map((recipe) => stand(recipe, options.rig)));
    for (const [key, operator] of operators) if (key.startsWith('stops')) await operator.stop();
    const hindered = await Promise.all(batch.map((recipe) => spoil(recipe, options.rig)));
    const drained = nodes.map((node, i) => ({ node, recipe: hindered[i] as Recipe }));
    const forecasts: Forecast[] = [];
    for (const { node } of drained) forecasts.push(await forecast(node, env, options.rig));
    const verdicts = await Promise.all(
      drained.map(({ node, recipe }, i) => drain(node, recipe, forecasts[i] as Forecast, options)),
    );
    for (const verdict of verdicts) options.onVerdict?.(verdict);
    return verdicts;
  } finally {
    await Promise.all([...operators.values()].map((operator) => operator.stop()));
    await Promise.allSettled(batch.map((recipe) => remove(client, recipe)));
  }
}

function operatorsFor(batch: readonly Recipe[], { client }: Rig): Map<string, StandInOperator> {
  const byName = new Map(batch.map((recipe) => [recipe.name, recipe]));
  const groups = Map.groupBy(
    batch,
    ({ operator, hindrance }) => `${WITHOUT_OPERATOR.includes(hindrance) ? 'stops' : 'goes on'} ${operator}`,
  );
  return new Map(
    [...groups].map(([key, some]) => [
      key,
      new StandInOperator({
        client,
        namespaces: some.map(({ name }) => name),
        model: MODELS[some[0]?.operator ?? 'couchbase'],
        periodMs: PERIOD_MS,
        manifest: (pod, { namespace }) => memberOf(byName.get(namespace) as Recipe, pod),
      }),
    ]),
  );
}

const membersOf = (recipe: Recipe) => {
  const { kind, indexOf } = MODELS[recipe.operator];
  return { namespace: recipe.name, cluster: CLUSTER, size: recipe.members, kind, indexOf, timeoutMs: PATIENCE_MS };
};

/** Resolves to the node that is to be drained: that of the first member. */
async function stand(recipe: Recipe, { client }: Rig): Promise<string> {
  const [first] = await waitForMembers(client, membersOf(recipe));
  const node = first?.node ?? firstNode(recipe);
  await furnish(client, recipe, node);
  return node;
}

async function spoil(recipe: Recipe, { client }: Rig): Promise<Recipe> {
  const members = await waitForMembers(client, membersOf(recipe));
  const names = members.map(({ name }) => name);
  await hinder(client, recipe, MODELS[recipe.operator].kind, names);
  await until(`the hindrance of ${recipe.name}`, () => isHindered(recipe, names, client), { timeoutMs: PATIENCE_MS });
  return recipe;
}

/** What takes a moment to show. */
async function isHindered(
  { name, hindrance, members: size }: Recipe,
  members: readonly string[],
  client: Rig['client'],
): Promise<void> {
  const get = async <T>(path: string) => (await client.json({ method: 'GET', path })) as unknown as T;
  switch (hindrance) {
    case 'budget': {
      const { status } = await get<BudgetObject>(`/apis/policy/v1/namespaces/${name}/poddisruptionbudgets/single`);
      if (status?.currentHealthy !== size) throw new NotYet(`${status?.currentHealthy} healthy pods`);
      return;
    }
    case 'stalled': {
      const { metadata } = await get<MarkedObject>(podPath(name, members[0] ?? ''));
      const mark = metadata.managedFields.find(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('reschedule'));
      if (!(Date.now() - Date.parse(mark?.time ?? '') > STALL_MS + 1_000)) throw new NotYet('marked a moment ago');
      return;
    }
    case 'group-busy': {
      const { status } = await get<ReadyObject>(podPath(name, members[1] ?? ''));
      if (status.conditions.some((one) => one.type === 'Ready' && one.status === 'True')) throw new NotYet('Ready');
      return;
    }
    default:
  }
}

interface BudgetObject {
  readonly status?: { readonly currentHealthy?: number };
}

interface MarkedObject {
  readonly metadata: { readonly managedFields: readonly { readonly time: string; readonly fieldsV1: object }[] };
}

interface ReadyObject {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

function forecast(node: string, env: Record<string, string>, { client }: Rig): Promise<Forecast> {
  return forecastOf(
    { nodes: [node] },
    {
      client,
      clock: systemClock,
      random: Math.random,
      env,
      readFile: () => PROFILES,
      version: 'judged',
      print: () => undefined,
      complain: () => undefined,
      stop: new AbortController().signal,
    },
  );
}

/** With the flags that the forecast has asked for: one that it has missed stops kubectl at once. */
async function drain(
  node: string,
  recipe: Recipe,
  { pods, command }: Forecast,
  options: JudgeOptions,
): Promise<Verdict> {
  const { drainSeconds, rig } = options;
  const args = [...command.split(' ').slice(1), `--timeout=${drainSeconds}s`];
  const { code, last } = await untilAnswered(args, drainSeconds, rig);
  const bad = pods
    .flatMap(({ findings }) => findings)
    .filter(({ verdict }) => verdict === 'hangs' || verdict === 'likely');
  const homeless = code === 0 ? await outOfPlace(recipe, node, rig) : undefined;
  return {
    recipe,
    forecast: [...new Set(bad.map(({ what }) => what))],
    hung: code !== 0 || homeless !== undefined,
    said: homeless ?? last,
  };
}

/** A webhook that does not answer in time is a machine with too much to do, and nothing that a forecast could know. */
const OVERLOADED = /failed calling webhook/;
const TRIES = 3;

async function untilAnswered(args: readonly string[], seconds: number, { controlPlane }: Rig) {
  for (let tries = 1; ; tries++) {
    const { code, stdout, stderr } = await controlPlane.kubectl(args, { timeoutMs: 4 * seconds * 1_000 });
    const last = `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? '';
    if (code === 0 || !OVERLOADED.test(last) || tries === TRIES) return { code, last };
  }
}

/** Which member the scheduler has no node for, or has put back; undefined once all are bound elsewhere. */
async function outOfPlace(recipe: Recipe, node: string, { client }: Rig): Promise<string | undefined> {
  const { name, members: size } = recipe;
  const { indexOf } = MODELS[recipe.operator];
  return until(
    `the members of ${name} to be bound or refused`,
    async () => {
      const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${name}/pods` });
      const members = (items as unknown as readonly MemberObject[]).filter(
        ({ metadata }) => indexOf(CLUSTER, metadata.name) !== undefined,
      );
      const refused = members.flatMap(({ status }) => status?.conditions ?? []).find(isRefusal);
      if (refused !== undefined) return refused.message ?? 'Unschedulable';
      const back = members.find(({ spec }) => spec.nodeName === node);
      if (back !== undefined) return `${back.metadata.name} came back to ${node}`;
      if (members.length === size && members.every(({ spec }) => spec.nodeName !== undefined)) return undefined;
      throw new NotYet(`${members.length} members`);
    },
    { timeoutMs: PATIENCE_MS },
  );
}

const isRefusal = ({ type, status, reason }: ConditionObject) =>
  type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable';

interface ConditionObject {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface MemberObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly ConditionObject[] };
}
