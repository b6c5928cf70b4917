import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
import { Batch, type NotJudged } from './batch.ts';
import { furnish, hinder, prepare, remove } from './build.ts';
import { drain, type Verdict } from './drain.ts';
import { memberOf } from './members.ts';
import { MODELS } from './models.ts';
import { CLUSTER, firstNode, PATIENCE } from './names.ts';
import type { Recipe } from './recipe.ts';

export interface JudgeOptions {
  readonly rig: Rig;
  /** So many clusters stand, and are drained, beside each other. */
  readonly atOnce: number;
  /** A drain that has not ended by then hangs. Five times what one takes that nothing hinders. */
  readonly drainSeconds: number;
  readonly onBatch?: (batch: Batch) => void;
  readonly onVerdict?: (verdict: Verdict) => void;
}

const HOOK = 'judge';
const PERIOD_MS = 500;
const STALL_MS = 20_000;
/** Each reads the whole cluster. */
const FORECASTS_AT_ONCE = 4;
const PROFILES = `profiles:
  - {name: couchbase, tracking: couchbasecluster, stallAfter: 20s}
  - {name: tidb-v1-tikv, tracking: namespace}
  - {name: tidb-v1-pd, tracking: namespace}
`;
/** Their operators do nothing once the members are there: some have stopped, and one never moves the only member. */
const WITHOUT_OPERATOR: readonly Recipe['hindrance'][] = ['stalled', 'terminating', 'only-member'];

export interface Judged {
  readonly verdicts: readonly Verdict[];
  readonly notJudged: readonly NotJudged[];
}

/** Builds each cluster on the control plane of the rig, forecasts its drain, and then drains it with kubectl. */
export async function judge(recipes: readonly Recipe[], options: JudgeOptions): Promise<Judged> {
  const { atOnce, rig, onBatch } = options;
  const env = await startJudgedHook(rig);
  const verdicts: Verdict[] = [];
  const notJudged: NotJudged[] = [];
  for (let i = 0; i < recipes.length; i += atOnce) {
    const batch = new Batch(recipes.slice(i, i + atOnce));
    onBatch?.(batch);
    verdicts.push(...(await judgeBatch(batch, env, options)));
    notJudged.push(...batch.notJudged);
  }
  return { verdicts, notJudged };
}

async function startJudgedHook(rig: Rig): Promise<Record<string, string>> {
  const { controlPlane, authority, client } = rig;
  const kinds = new Map(Object.values(MODELS).map(({ kind }) => [kind.plural, kind]));
  for (const kind of kinds.values()) await installClusterDefinition(client, kind);
  const file = join(controlPlane.dir, 'profiles.yaml');
  await writeFile(file, PROFILES);
  const files = await writeServing(join(controlPlane.dir, HOOK), await authority.issue());
  const env = { PROFILES_FILE: file };
  const hook = await startHook({ kubeconfigPath: controlPlane.kubeconfigPath, files, env, ...PATIENCE });
  rig.atStop(async () => void (await hook.stop()));
  await rig.register(HOOK, hook.url);
  return env;
}

async function judgeBatch(
  batch: Batch,
  env: Record<string, string>,
  { rig, drainSeconds, onVerdict }: JudgeOptions,
): Promise<readonly Verdict[]> {
  const { client } = rig;
  const all = batch.left;
  const operators = operatorsFor(all, rig);
  try {
    await batch.each('prepared', (recipe) => prepare(client, recipe, MODELS[recipe.operator].kind, HOOK));
    for (const operator of operators.values()) operator.start();
    const nodes = await batch.each('furnished', (recipe) => stand(recipe, rig));
    for (const [key, operator] of operators) if (key.startsWith('stops')) await operator.stop();
    await batch.each('hindered', (recipe) => spoil(recipe, rig));
    const nodeOf = (recipe: Recipe) => nodes.get(recipe) ?? firstNode(recipe);
    const forecasts = await batch.each('forecast', (recipe) => forecast(nodeOf(recipe), env, rig), FORECASTS_AT_ONCE);
    const verdicts = await batch.each('drained', async (recipe) => {
      const said = forecasts.get(recipe) as Forecast;
      const verdict = await drain(nodeOf(recipe), recipe, said, { drainSeconds, rig });
      onVerdict?.(verdict);
      return verdict;
    });
    return [...verdicts.values()];
  } finally {
    await Promise.all([...operators.values()].map((operator) => operator.stop()));
    await Promise.allSettled(all.map((recipe) => remove(client, recipe)));
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
  return { namespace: recipe.name, cluster: CLUSTER, size: recipe.members, kind, indexOf, ...PATIENCE };
};

/** Resolves to the node that is to be drained: that of the first member. */
async function stand(recipe: Recipe, { client }: Rig): Promise<string> {
  const [first] = await waitForMembers(client, membersOf(recipe));
  const node = first?.node ?? firstNode(recipe);
  await furnish(client, recipe, node);
  return node;
}

async function spoil(recipe: Recipe, { client }: Rig): Promise<void> {
  const members = await waitForMembers(client, membersOf(recipe));
  const names = members.map(({ name }) => name);
  await hinder(client, recipe, MODELS[recipe.operator].kind, names);
  await until(`the hindrance of ${recipe.name}`, () => isHindered(recipe, names, client), PATIENCE);
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
