import type { OperatorModel } from '../../rehearsal/operator/model.ts';
import { AEROSPIKE } from '../../rehearsal/operator/models/aerospike.ts';
import { ARANGODB_REPLACE } from '../../rehearsal/operator/models/arangodb.ts';
import { COUCHBASE } from '../../rehearsal/operator/models/couchbase.ts';
import { ES_OPERATOR } from '../../rehearsal/operator/models/es-operator.ts';
import { STRIMZI_CONNECT, STRIMZI_KAFKA } from '../../rehearsal/operator/models/strimzi.ts';
import { TIDB_TIDB, TIDB_TIKV } from '../../rehearsal/operator/models/tidb.ts';

/** Names that come back and new ones, operators that look at once or once a period, groups, and one that adds a pod first. */
export const FLEET_MODELS: readonly OperatorModel[] = [
  COUCHBASE,
  STRIMZI_KAFKA,
  STRIMZI_CONNECT,
  TIDB_TIKV,
  TIDB_TIDB,
  AEROSPIKE,
  ARANGODB_REPLACE,
  ES_OPERATOR,
];

export interface FleetSize {
  readonly nodes: number;
  readonly pods: number;
  /** Nodes of one step of the upgrade. */
  readonly atOnce: number;
}

/** One cluster of an operator, with the number of the node of each of its pods. */
export interface FleetCluster {
  readonly model: number;
  readonly namespace: string;
  readonly nodes: readonly number[];
}

/** The first step is what the operators do by themselves, the second one is drained. */
export const STEPS = 2;
export const CLUSTER = 'c';
export const CLUSTER_PODS = 20;
const PODS_PER_NODE = 20;
/**
 * How many pods of one cluster are on the nodes of one step, over and over: in most clusters one, as each node is one of a hundred.
 * They are as many as a node has pods.
 */
const CHAINS = [3, 2, 2, ...Array<number>(13).fill(1)];

/** Both steps have the same pods of the same clusters, so that what operators need for the one they need for the other. */
export function fleetOf({ nodes, pods, atOnce }: FleetSize): FleetCluster[] {
  const count = pods / CLUSTER_PODS;
  const moved = (atOnce * PODS_PER_NODE * CHAINS.length) / PODS_PER_NODE;
  const stride = Math.floor(count / moved);
  let slot = 0;
  let rest = STEPS * atOnce;
  return Array.from({ length: count }, (_, index) => {
    const nth = index / stride;
    const chain = Number.isInteger(nth) && nth < moved ? (CHAINS[nth % CHAINS.length] ?? 0) : 0;
    const first = Array.from({ length: chain }, () => slot++ % atOnce);
    const steps = Array.from({ length: STEPS }, (_, step) => first.map((node) => step * atOnce + node));
    const others = Array.from({ length: CLUSTER_PODS - STEPS * chain }, () => {
      const node = rest++;
      if (rest === nodes) rest = STEPS * atOnce;
      return node;
    });
    // Each chain comes to each model in turn.
    const turn = chain === 0 ? index : nth + Math.floor(nth / CHAINS.length);
    // The first ones are those that some operators move last.
    return { model: turn % FLEET_MODELS.length, namespace: `team-${index}`, nodes: [...others, ...steps.flat()] };
  });
}

export const fleetNode = (index: number) => `node-${index + 1}`;
