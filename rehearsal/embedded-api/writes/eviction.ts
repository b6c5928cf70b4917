import { ApiFailure, badRequest, notFound } from '../storage/failure.ts';
import { BUDGET, POD } from '../storage/kinds.ts';
import { type ApiObject, isPodReady, type Json, type Pod, recordAt, timestamp } from '../storage/object.ts';
import { selects } from '../storage/selectors.ts';
import type { Call, World } from '../storage/world.ts';
import { admit, optionsOf } from './admission.ts';
import { assertPreconditions, type DeleteOptions, removeNow } from './deletion.ts';
import { assertNamespace, commit } from './writes.ts';

export interface BudgetStatus {
  readonly disruptionsAllowed: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly expectedPods: number;
  readonly observedGeneration?: number;
  readonly disruptedPods?: Readonly<Record<string, string>>;
}

/** Of an Eviction, the newest first. Some drainers speak the older one still. */
const VERSIONS: readonly string[] = ['policy/v1', 'policy/v1beta1'];
const SUCCESS: Json = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/**
 * POST pods/eviction, in the order of the real one: names, webhooks, and only then the pod itself and its budget. A dry run
 * may be asked for by the query or by the body; webhooks are told of the former only. Throws ApiFailure.
 */
export async function evict(
  world: World,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  body: Json,
  call: Call,
): Promise<Json> {
  const { user, dryRun, warn } = call;
  assertEviction(world, body);
  assertNamespace(world, { kind: POD, namespace }, name);
  const metadata = recordAt(body, 'metadata');
  if ((metadata.namespace ?? namespace) !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
  const options = recordAt(body, 'deleteOptions') as DeleteOptions;
  // Webhooks see the one version, whichever came.
  const object = { ...body, apiVersion: VERSIONS[0], kind: 'Eviction', metadata: { ...metadata, namespace } };
  await admit(
    world.store,
    {
      operation: 'CREATE',
      kind: POD,
      subresource: 'eviction',
      objectKind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      namespace,
      name,
      object,
      options: optionsOf('CreateOptions', call),
      dryRun,
      user,
    },
    warn,
  );
  const pod = world.store.get(POD, namespace, name) as Pod | undefined;
  if (pod === undefined) throw notFound(POD, name);
  const isDryRun = dryRun || (options.dryRun ?? []).length > 0;
  if (!needsNoBudget(pod)) spend(world, pod, options, isDryRun);
  removeNow(world, { kind: POD, namespace, name }, options, isDryRun);
  return SUCCESS;
}

/** What a body does not say of itself it is taken for; what it says has to fit. */
function assertEviction({ kinds }: World, { apiVersion = VERSIONS[0], kind = 'Eviction' }: Json): void {
  const [says, is] = [String(apiVersion), String(kind)];
  if (VERSIONS.includes(says) && is === 'Eviction') return;
  const version = says.split('/').at(-1);
  const why =
    kinds.named(says, is) === undefined
      ? `no kind "${is}" is registered for version "${says}" in scheme "pkg/runtime/scheme.go:111"`
      : `converting (${version}.${is}) to (policy.Eviction): unknown conversion`;
  throw badRequest(`${is} in version "${version}" cannot be handled as a Eviction: ${why}`);
}

const needsNoBudget = ({ status, metadata }: Pod) =>
  metadata.deletionTimestamp !== undefined || ['Pending', 'Succeeded', 'Failed'].includes(status.phase ?? '');

/** Takes one disruption from the pod's budget, if it has one. Throws 429 where there is none left. */
function spend(world: World, pod: Pod, options: DeleteOptions, isDryRun: boolean): void {
  const { name, namespace, labels } = pod.metadata;
  const budgets = world.store
    .list(BUDGET, namespace)
    .filter((budget) => selects(recordAt(budget, 'spec').selector, labels));
  const [budget] = budgets;
  if (budget === undefined) return;
  if (budgets.length > 1) {
    throw new ApiFailure(
      500,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const status = budget.status as unknown as BudgetStatus;
  if (isFreeWhileUnready(pod, budget, status)) return;
  assertAllowed(budget, status);
  // A pod that is not the one meant costs nothing.
  assertPreconditions(POD, pod, options);
  if (isDryRun) return;
  const disruptedPods = { ...status.disruptedPods, [name]: timestamp(world.now()) };
  const disruptionsAllowed = status.disruptionsAllowed - 1;
  commit(world, BUDGET, budget, { ...budget, status: { ...status, disruptionsAllowed, disruptedPods } });
}

function isFreeWhileUnready(pod: Pod, budget: ApiObject, { currentHealthy, desiredHealthy }: BudgetStatus): boolean {
  if (isPodReady(pod)) return false;
  if (recordAt(budget, 'spec').unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function assertAllowed({ metadata }: ApiObject, status: BudgetStatus): void {
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw overBudget(`The disruption budget ${metadata.name} is still being processed by the server.`, 10);
  }
  if (status.disruptionsAllowed > 0) return;
  const { desiredHealthy, currentHealthy } = status;
  throw overBudget(
    `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  );
}

function overBudget(message: string, retryAfterSeconds?: number): ApiFailure {
  return new ApiFailure(429, "Cannot evict pod as it would violate the pod's disruption budget.", 'TooManyRequests', {
    causes: [{ reason: 'DisruptionBudget', message }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
