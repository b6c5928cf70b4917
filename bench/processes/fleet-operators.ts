/** The operators of the clusters that an upgrade meets, each model with those of its kind. */
import { StandInOperator } from '../../rehearsal/operator/stand-in-operator.ts';
import { connect } from '../../testkit/connect.ts';
import { clusterOwner } from '../../testkit/couchbase/member.ts';
import { answerCalls } from '../support/answer-calls.ts';
import { FLEET_MODELS } from '../support/fleet.ts';

export interface FleetOperators {
  readonly kubeconfigPath: string;
  /** By the number of the model. */
  readonly namespaces: readonly (readonly string[])[];
  readonly periodMs: number;
  readonly rebalanceMs: number;
}

export type FleetOperatorsHandlers = {
  start(options: FleetOperators): Promise<void>;
  /** Each looks once within a period from now on, one after another as in life, and then every period. */
  lookNow(): Promise<void>;
  /** When each pod was deleted by its operator, epoch milliseconds, by UID. */
  deletedAt(): Record<string, number>;
  /** How many of their calls failed, so far. */
  failed(): number;
};

let operators: readonly StandInOperator[] = [];
let failures = 0;
let periodMs = 0;

async function start({ kubeconfigPath, namespaces, rebalanceMs, ...settled }: FleetOperators): Promise<void> {
  periodMs = settled.periodMs;
  const { client } = await connect(kubeconfigPath, 'fleet');
  operators = FLEET_MODELS.map((model, index) => {
    const { kind, heldTo, atOnce } = model;
    const settings = { client, model, periodMs, rebalanceMs, namespaces: namespaces[index] ?? [] };
    // What the hook holds back, the operators do not do at once by themselves either.
    return new StandInOperator({
      ...settings,
      maxUpgradable: heldTo ?? atOnce,
      onEvent: ({ kind }) => {
        if (kind === 'failed') failures++;
      },
      owner: (cluster) => clusterOwner(cluster, kind),
    });
  });
  startInTurn();
}

async function lookNow(): Promise<void> {
  await Promise.all(operators.map((operator) => operator.stop()));
  startInTurn();
}

function startInTurn(): void {
  for (const [index, operator] of operators.entries()) {
    setTimeout(() => operator.start(), (index * periodMs) / operators.length);
  }
}

const deletedAt = () => Object.fromEntries(operators.flatMap((operator) => [...operator.deletedAt]));

const failed = () => failures;

answerCalls({ start, lookNow, deletedAt, failed } satisfies FleetOperatorsHandlers);
