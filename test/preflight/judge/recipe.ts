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
export const BLOCKS = ['selector', 'affinity', 'apart', 'taint', 'room', 'disk', 'pods', 'cordoned'] as const;
export type Block = (typeof BLOCKS)[number];

/** What is nearly used up on the other nodes, so that it is a matter of chance whether a drain goes through. */
export const LIMITS = ['cpu', 'disk', 'pods', 'apart', 'spread', 'beside', 'cordon'] as const;
export type Limit = (typeof LIMITS)[number];

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
  'rival',
] as const;
export type Decoy = (typeof DECOYS)[number];

export interface OtherNode {
  /** What keeps every replacement off it. */
  readonly block?: Block;
  readonly takenCpu: number;
  /** Default a. */
  readonly zone?: 'a' | 'b';
  /** Of an extended resource; default: enough. */
  readonly disks?: number;
  /** How many more pods it takes; default: enough. */
  readonly podSlots?: number;
  /** Has a pod that members may have to be beside. */
  readonly hasCompanion?: boolean;
}

export interface Spread {
  readonly by: 'topology.kubernetes.io/zone' | 'kubernetes.io/hostname';
  readonly maxSkew: number;
  readonly nodeTaintsPolicy: 'Honor' | 'Ignore';
}

/** One random cluster, before anything of it is made. */
export interface Recipe {
  /** Its namespace, and the prefix of its nodes. */
  readonly name: string;
  readonly hindrance?: Hindrance;
  readonly limit?: Limit;
  readonly operator: 'couchbase' | 'tidb-v1-tikv' | 'tidb-v1-pd';
  readonly process: 'InPlaceUpgrade' | 'SwapRebalance';
  readonly members: number;
  /** In thousandths of a CPU. A node has 4000. */
  readonly memberCpu: number;
  readonly others: readonly OtherNode[];
  readonly decoys: readonly Decoy[];
  readonly spread?: Spread;
  /** What a DaemonSet takes of the node that is drained. */
  readonly heavyCpu?: number;
}

export const NODE_CPU = 4_000;
const IN_PLACE = 'InPlaceUpgrade';
/** A drain goes through there, or does not: nothing is made to hold it up. */
const DECOYS_AT_LIMIT: readonly Decoy[] = ['own-budget', 'budget-with-room', 'job', 'daemon-set', 'rival'];

/** So many random clusters: half of them with a hindrance, each as often as any other; a quarter near a limit. */
export function recipes(runs: number, seed: number): Recipe[] {
  const random = new Random(seed);
  const offset = random.below(TURNS.length);
  return Array.from({ length: runs }, (_, i) => {
    const name = `judge-${i + 1}`;
    if (i % 4 === 1) return atLimit(name, LIMITS[((i - 1) / 4) % LIMITS.length] as Limit, random);
    const turn = TURNS[(offset + i / 2) % TURNS.length];
    return recipe(name, turn && random.pick(turn), random);
  });
}

export function recipe(name: string, hindrance: Hindrance | undefined, random: Random): Recipe {
  const operator = operatorFor(hindrance, random);
  const isCouchbase = operator === 'couchbase';
  const memberCpu = 200 + 100 * random.below(15);
  const comesBack = hindrance === 'local-volume' || hindrance === 'tolerates-cordon';
  const process = !isCouchbase || comesBack || random.below(2) === 0 ? IN_PLACE : 'SwapRebalance';
  const members = membersFor(operator, hindrance, random);
  return {
    name,
    operator,
    process,
    memberCpu,
    members,
    others: othersFor(hindrance, isCouchbase, members * memberCpu, random),
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

/** One node at least takes the replacements, unless that is the hindrance. Many have just the room for all. */
function othersFor(
  hindrance: Hindrance | undefined,
  isCouchbase: boolean,
  neededCpu: number,
  random: Random,
): readonly OtherNode[] {
  const count = 1 + random.below(3);
  const free = hindrance === 'no-other-node' ? -1 : random.below(count);
  return Array.from({ length: count }, (_, i) => {
    // The scheduler prefers the emptiest node, and that is the drained one only if the others are not.
    if (hindrance === 'tolerates-cordon') return { takenCpu: 200 + 100 * random.below(20) };
    const isBlocked = isCouchbase && i !== free && (hindrance === 'no-other-node' || random.below(2) === 0);
    if (isBlocked) return { block: random.pick(BLOCKS), takenCpu: 100 * random.below(12) };
    const most = NODE_CPU - neededCpu;
    return { takenCpu: random.below(2) === 0 ? most - 10 * random.below(3) : random.below(Math.min(most, 1_200)) };
  });
}

function decoysFor(
  hindrance: Hindrance | undefined,
  isCouchbase: boolean,
  process: Recipe['process'],
  random: Random,
): readonly Decoy[] {
  const fits = (decoy: Decoy) => {
    if (decoy === 'rival') return false;
    if (decoy === 'volume-of-two-nodes') return isCouchbase && hindrance !== 'local-volume' && process === IN_PLACE;
    if (decoy === 'volume-of-old-name') return isCouchbase && process === 'SwapRebalance';
    return decoy !== 'tolerated-taint' || (isCouchbase && hindrance !== 'no-other-node');
  };
  return DECOYS.filter(fits).filter(() => random.below(4) === 0);
}

/** A cluster whose other nodes take all members or all but one. Nothing else is made to hold its drain up. */
export function atLimit(name: string, limit: Limit, random: Random): Recipe {
  const memberCpu = 300 + 50 * random.below(15);
  const members = membersAt(limit, random);
  // What the order of scheduling decides nobody can know before. So that is left to the limit of CPU.
  const fits = (decoy: Decoy) => decoy !== 'rival' || limit !== 'beside';
  const decoys = DECOYS_AT_LIMIT.filter(fits).filter(() => random.below(4) === 0);
  const isEnough = random.below(2) === 0;
  const enough = members + (limit === 'pods' ? moversOf(decoys) : 0);
  const rooms = roomsFor(isEnough ? enough : members - 1, random);
  const isOneZone = random.below(2) === 0;
  return {
    name,
    limit,
    operator: 'couchbase',
    process: limit === 'cordon' || random.below(2) === 0 ? IN_PLACE : 'SwapRebalance',
    members,
    memberCpu,
    others: NEEDS_NODES.includes(limit)
      ? Array.from({ length: countAt(limit, members, random) }, () => nodeAt(limit, isOneZone, random))
      : rooms.map((room) => nodeWithRoom(limit, room, memberCpu, random)),
    decoys,
    ...(limit === 'spread' ? { spread: spreadFrom(random) } : {}),
    ...(limit === 'cordon' ? { heavyCpu: 100 * random.below(15) } : {}),
  };
}

/** It is not the room of their nodes that is scarce. */
const NEEDS_NODES: readonly Limit[] = ['apart', 'spread', 'cordon'];

function membersAt(limit: Limit, random: Random): number {
  if (limit === 'cordon') return 1;
  // One member alone is apart from all others, and evenly spread.
  return NEEDS_NODES.includes(limit) ? 2 + random.below(2) : 1 + random.below(3);
}

/** Pods that are evicted at once and replaced. */
function moversOf(decoys: readonly Decoy[]): number {
  const pods = decoys.map((decoy) => (decoy === 'rival' || decoy === 'budget-with-room' ? 2 : Number(decoy === 'job')));
  return pods.reduce((sum, one) => sum + one, 0);
}

/** Room for so many pods, on one to three nodes. */
function roomsFor(total: number, random: Random): readonly number[] {
  const rooms = Array.from({ length: 1 + random.below(3) }, () => 0);
  for (let i = 0; i < total; i++) {
    const at = random.below(rooms.length);
    rooms[at] = (rooms[at] ?? 0) + 1;
  }
  return rooms;
}

/** Members that must be apart need a node each. */
const countAt = (limit: Limit, members: number, random: Random) =>
  limit === 'apart' ? members - 1 + random.below(2) : 1 + random.below(3);

function nodeAt(limit: Limit, isOneZone: boolean, random: Random): OtherNode {
  if (limit === 'cordon') return { takenCpu: 100 * random.below(13) };
  return {
    takenCpu: 100 * random.below(5),
    zone: isOneZone ? 'b' : random.pick(['a', 'b'] as const),
    ...(random.below(4) === 0 ? { block: random.pick(['cordoned', 'taint'] as const) } : {}),
  };
}

function nodeWithRoom(limit: Limit, room: number, memberCpu: number, random: Random): OtherNode {
  const takenCpu = 100 * random.below(5);
  if (limit === 'disk') return { takenCpu, disks: room };
  if (limit === 'pods') return { takenCpu, podSlots: room };
  if (limit === 'cpu') return { takenCpu: fullBut(room, memberCpu, random) };
  // A node without a companion is of no use, whatever room it has.
  const hasCompanion = room > 0;
  return { takenCpu: hasCompanion ? fullBut(room, memberCpu, random) : takenCpu, hasCompanion };
}

/** What is taken of a node that has room for so many members, and less than one member more. */
const fullBut = (members: number, memberCpu: number, random: Random) =>
  NODE_CPU - members * memberCpu - 10 * random.below(memberCpu / 10);

const spreadFrom = (random: Random): Spread => ({
  by: random.pick(['topology.kubernetes.io/zone', 'kubernetes.io/hostname'] as const),
  maxSkew: random.below(3) === 0 ? 2 : 1,
  nodeTaintsPolicy: random.pick(['Honor', 'Ignore'] as const),
});
