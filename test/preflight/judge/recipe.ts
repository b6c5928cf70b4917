import { Random } from '../../simulation/runs/random.ts';

/** What is to hold a drain up, one for each hindrance that a forecast knows. */
export const HINDRANCES = [
  'paused',
  'held',
  'group-busy',
  'only-member',
  'budget',
  'local-volume',
  'no-other-node',
  'tolerates-cordon',
  'no-operator',
  'terminating',
  'stalled',
] as const;
export type Hindrance = (typeof HINDRANCES)[number];

/** Which of them take turns. The two about the group of a pod are one hindrance of a forecast. */
const TURNS: readonly (readonly Hindrance[])[] = [
  ...HINDRANCES.filter((one) => one !== 'group-busy' && one !== 'only-member').map((one) => [one]),
  ['group-busy', 'only-member'],
];

/** What keeps a replacement off a node. */
export const BLOCKS = ['selector', 'affinity', 'apart', 'taint', 'room', 'cordoned'] as const;
export type Block = (typeof BLOCKS)[number];

/** What looks as if it held a drain up, and does not. */
export const DECOYS = [
  'own-budget',
  'budget-with-room',
  'volume-of-two-nodes',
  'volume-of-old-name',
  'job',
  'daemon-set',
  'bare-pods',
  'tolerated-taint',
] as const;
export type Decoy = (typeof DECOYS)[number];

/** One random cluster, before anything of it is made. */
export interface Recipe {
  /** Its namespace, and the prefix of its nodes. */
  readonly name: string;
  readonly hindrance?: Hindrance;
  readonly operator: 'couchbase' | 'tidb-v1-tikv' | 'tidb-v1-pd';
  readonly process: 'InPlaceUpgrade' | 'SwapRebalance';
  readonly members: number;
  /** In thousandths of a CPU. A node has 4000. */
  readonly memberCpu: number;
  /** The other nodes, each with what keeps a replacement off it, and how much of it is taken. */
  readonly others: readonly { readonly block?: Block; readonly takenCpu: number }[];
  readonly decoys: readonly Decoy[];
}

export const NODE_CPU = 4_000;

/** So many random clusters: half of them with a hindrance, each as often as any other. */
export function recipes(runs: number, seed: number): Recipe[] {
  const random = new Random(seed);
  const offset = random.below(TURNS.length);
  return Array.from({ length: runs }, (_, i) => {
    const turn = TURNS[(offset + i / 2) % TURNS.length];
    return recipe(`judge-${i + 1}`, turn && random.pick(turn), random);
  });
}

export function recipe(name: string, hindrance: Hindrance | undefined, random: Random): Recipe {
  const operator = operatorFor(hindrance, random);
  const isCouchbase = operator === 'couchbase';
  const memberCpu = 200 + 100 * random.below(15);
  const comesBack = hindrance === 'local-volume' || hindrance === 'tolerates-cordon';
  const process = !isCouchbase || comesBack || random.below(2) === 0 ? 'InPlaceUpgrade' : 'SwapRebalance';
  return {
    name,
    operator,
    process,
    memberCpu,
    members: membersFor(operator, hindrance, random),
    others: othersFor(hindrance, isCouchbase, random),
    decoys: decoysFor(hindrance, isCouchbase, process, random),
    ...(hindrance === undefined ? {} : { hindrance }),
  };
}

function membersFor(operator: Recipe['operator'], hindrance: Hindrance | undefined, random: Random): number {
  if (operator === 'tidb-v1-pd' || hindrance === 'terminating' || hindrance === 'tolerates-cordon') return 1;
  return operator === 'tidb-v1-tikv' ? 2 : 1 + random.below(2);
}

function operatorFor(hindrance: Hindrance | undefined, random: Random): Recipe['operator'] {
  if (hindrance === 'group-busy') return 'tidb-v1-tikv';
  if (hindrance === 'only-member') return 'tidb-v1-pd';
  return hindrance === undefined && random.below(6) === 0 ? 'tidb-v1-tikv' : 'couchbase';
}

/** One node at least takes a replacement, unless that is the hindrance. */
function othersFor(hindrance: Hindrance | undefined, isCouchbase: boolean, random: Random): Recipe['others'] {
  const count = 1 + random.below(3);
  const free = hindrance === 'no-other-node' ? -1 : random.below(count);
  return Array.from({ length: count }, (_, i) => {
    // The scheduler prefers the emptiest node, and that is the drained one only if the others are not.
    const takenCpu = 100 * random.below(12) + (hindrance === 'tolerates-cordon' ? 1_200 : 0);
    // A member that tolerates the cordon may be on any node before it is furnished.
    const mayBeBlocked = isCouchbase && i !== free && hindrance !== 'tolerates-cordon';
    const isBlocked = mayBeBlocked && (hindrance === 'no-other-node' || random.below(2) === 0);
    return isBlocked ? { block: random.pick(BLOCKS), takenCpu } : { takenCpu };
  });
}

function decoysFor(
  hindrance: Hindrance | undefined,
  isCouchbase: boolean,
  process: Recipe['process'],
  random: Random,
): readonly Decoy[] {
  const fits = (decoy: Decoy) => {
    if (decoy === 'volume-of-two-nodes')
      return isCouchbase && hindrance !== 'local-volume' && process === 'InPlaceUpgrade';
    if (decoy === 'volume-of-old-name') return isCouchbase && process === 'SwapRebalance';
    return decoy !== 'tolerated-taint' || (isCouchbase && hindrance !== 'no-other-node');
  };
  return DECOYS.filter(fits).filter(() => random.below(4) === 0);
}
