import type { Forecast } from '../../../src/preflight/forecast/findings.ts';
import { isBad } from '../../../src/preflight/forecast/findings.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import type { Rig } from '../../cluster/support/rig.ts';
import { MODELS } from './models.ts';
import { CLUSTER, PATIENCE } from './names.ts';
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

/** With the flags that the forecast has asked for: one that it has missed stops kubectl at once. */
export async function drain(
  node: string,
  recipe: Recipe,
  { pods, command }: Forecast,
  { drainSeconds, rig }: { readonly drainSeconds: number; readonly rig: Rig },
): Promise<Verdict> {
  const args = [...command.split(' ').slice(1), `--timeout=${drainSeconds}s`];
  const { code, last } = await untilAnswered(args, drainSeconds, rig);
  const bad = pods.flatMap(({ findings }) => findings).filter(isBad);
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

/** The scheduler looks again at a pod that it had no node for, but not at once. */
const REFUSED_FOR_MS = 15_000;

/** Which member the scheduler has no node for, or has put back; undefined once all are bound elsewhere. */
async function outOfPlace(recipe: Recipe, node: string, { client }: Rig): Promise<string | undefined> {
  const { name, members: size } = recipe;
  let placedAt = performance.now();
  const look = async () => {
    const members = await membersSeen(recipe, client);
    const refused = members.flatMap(({ status }) => status?.conditions ?? []).find(isRefusal);
    if (refused === undefined) placedAt = performance.now();
    else if (performance.now() - placedAt > REFUSED_FOR_MS) return refused.message ?? 'Unschedulable';
    const back = members.find(({ spec }) => spec.nodeName === node);
    if (back !== undefined) return `${back.metadata.name} came back to ${node}`;
    const bound = members.filter(({ spec }) => spec.nodeName !== undefined).length;
    if (bound === size && members.length === size) return undefined;
    throw new NotYet(`${bound} of ${members.length} members are bound`);
  };
  return until(`the members of ${name} to be bound or refused`, look, PATIENCE);
}

async function membersSeen({ name, operator }: Recipe, client: Rig['client']): Promise<readonly MemberObject[]> {
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${name}/pods` });
  const { indexOf } = MODELS[operator];
  return (items as unknown as readonly MemberObject[]).filter(
    ({ metadata }) => indexOf(CLUSTER, metadata.name) !== undefined,
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
