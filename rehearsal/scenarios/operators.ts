import { drainerOf } from '../drainers/drain-node.ts';
import { CLUSTER_AUTOSCALER, KARPENTER } from '../drainers/models/autoscalers.ts';
import * as verdict from '../evidence/verdict.ts';
import { endedBy, type OperatorModel } from '../operator/model.ts';
import * as rules from './checks.ts';
import type { Play } from './play.ts';
import type { Scenario } from './scenario.ts';
import { comesBack, cordonedAlone, foreignMark, markDropped, markedEarly, reportWithdrawn } from './scripts/marks.ts';
import { DRAIN_CLEANER, drainBeside, SAFE_EVICTION } from './scripts/rival.ts';
import { drainOutOfSync } from './scripts/slow-operator.ts';
import { specOf } from './stand-ins.ts';

const drainOne = async (play: Play) => {
  await play.drain(play.node());
};

const { SAFE, movedOnce, nobodyEvicted, rehearsed, nobodyMarked } = verdict;
const AS_EVER = [...SAFE, rules.asAvailable, rules.asRemembered];
const any = () => true;
const keepsNames = (model: OperatorModel) => model.view({ spec: specOf({}) }).process !== 'swap';
const isAny = ({ mark }: OperatorModel) => mark?.isAny === true;
const marksPods = ({ mark }: OperatorModel) => mark !== undefined;
const comesBackMarked = (model: OperatorModel) => keepsNames(model) && endedBy(model) !== 'drainer';
/** A pod on a node that is drained moves again and again, whatever the hook does. */
const movesByItself = ({ followsCordon, followsTaints }: OperatorModel) => followsCordon || followsTaints !== undefined;

/** Where operators differ: each can be played with every profile. */
export const OPERATOR_SCENARIOS: readonly Scenario[] = [
  {
    name: 'by-kubectl',
    title: 'Drained by kubectl',
    about: 'kubectl drains a node; the operator moves each member on it once.',
    fits: any,
    script: drainOne,
    rules: AS_EVER,
  },
  {
    name: 'by-karpenter',
    title: 'Drained by Karpenter',
    about: 'A drainer like Karpenter taints the node and names the instance.',
    fits: any,
    drainer: (client) => drainerOf(KARPENTER, client),
    script: drainOne,
    rules: AS_EVER,
  },
  {
    name: 'by-autoscaler',
    title: 'Drained by the autoscaler',
    about: 'A drainer like cluster-autoscaler taints the node, and looks at its end whether the pods have left.',
    fits: any,
    drainer: (client) => drainerOf(CLUSTER_AUTOSCALER, client),
    script: drainOne,
    rules: AS_EVER,
  },
  {
    name: 'two-marked',
    title: 'Two members marked at once',
    about:
      'Two members stand on the node and are marked at once; the operator moves as many at a time as it always does.',
    members: 6,
    // Of the others only one has to be kept.
    fits: ({ role }) => role === undefined,
    endsFor: ({ atOnce, heldTo = atOnce }) =>
      `safe, ${Number.isFinite(heldTo) ? `${heldTo} at a time` : 'all at once'}`,
    script: drainOne,
    rules: AS_EVER,
  },
  {
    name: 'out-of-sync',
    title: 'The operator refuses for its data',
    about: 'The operator moves nothing while its data is out of order; the drain waits for it.',
    fits: any,
    endsFor: ({ outOfSync }) => `waits while ${outOfSync}, then safe`,
    script: drainOutOfSync,
    rules: AS_EVER,
  },
  {
    name: 'same-node',
    title: 'Back on the same node',
    about: 'Each successor is bound to the drained node again; the hook marks twice, then waits and says why.',
    fits: (model) => !movesByItself(model),
    endsFor: (model) =>
      comesBackMarked(model) ? 'moved twice, then waits for help' : 'the drain ends, and the new member is on the node',
    script: comesBack,
    rules: [rehearsed, nobodyEvicted, nobodyMarked],
  },
  {
    name: 'renamed',
    title: 'The name does not come back',
    about: 'The specification has changed, so that the successor has another name than the member that went.',
    fits: ({ renamedBy }) => renamedBy !== undefined,
    script: async (play) => {
      await play.changeNames();
      await play.drain(play.node());
    },
    rules: AS_EVER,
  },
  {
    name: 'mark-dropped',
    title: 'Somebody drops the mark',
    about: 'The mark is taken away before the operator has acted; the hook writes it again.',
    fits: marksPods,
    ends: 'marked again, then safe',
    script: markDropped,
    rules: AS_EVER,
  },
  {
    name: 'marked-early',
    title: 'Marked at the wrong time',
    about: 'Somebody marks a pod on a node that nobody drains; the operator moves it, and a drain comes later.',
    fits: marksPods,
    endsFor: (model) =>
      endedBy(model) === 'operator'
        ? 'moved by its operator; the drain is safe'
        : 'prepared by its operator, and stays; the drain is safe',
    script: markedEarly,
    rules: SAFE.filter((rule) => rule !== movedOnce),
  },
  {
    name: 'cordon-alone',
    title: 'Cordoned, and not drained',
    about: 'A node is cordoned, and the operator reports that a pod may go; nobody evicts it before a drain comes.',
    fits: ({ reports }) => reports !== undefined,
    ends: 'prepared by its operator, and stays; the drain is safe',
    script: cordonedAlone,
    // The hook remembers what it marked itself.
    rules: [...SAFE, rules.asAvailable],
  },
  {
    name: 'report-withdrawn',
    title: 'A report is taken back',
    about: 'The operator reports that a pod may go, and takes that back before the hook could evict it; the pod stays.',
    // One that marks what is cordoned would at once do so again.
    fits: ({ reports, followsCordon }) => reports !== undefined && !followsCordon,
    ends: 'prepared twice, then safe',
    script: reportWithdrawn,
    rules: [...SAFE, rules.asAvailable, rules.asRemembered],
  },
  {
    name: 'foreign-mark',
    title: "Somebody else's mark",
    about: 'A pod has the annotation with the value of somebody else when its node is drained.',
    fits: marksPods,
    endsFor: (model) => (isAny(model) ? 'left alone, then safe' : 'overwritten, then safe'),
    script: foreignMark,
    rules: SAFE,
  },
  {
    name: 'rival-500',
    title: 'A second webhook answers 500',
    about: 'Another webhook refuses the same evictions with 500, as the Strimzi Drain Cleaner does; kubectl gives up.',
    fits: any,
    ends: 'the drain fails; nobody is evicted',
    script: drainBeside(DRAIN_CLEANER),
    rules: [rehearsed, nobodyEvicted],
  },
  {
    name: 'rival-403',
    title: 'A second webhook answers 403',
    about: "Another webhook refuses the same evictions with 403, as Aerospike's own does; kubectl gives up.",
    fits: any,
    ends: 'the drain fails; nobody is evicted',
    script: drainBeside(SAFE_EVICTION),
    rules: [rehearsed, nobodyEvicted],
  },
];
