import { hasEnded, type PodObject } from '../scheduling/objects.ts';
import type { Placement } from '../scheduling/placement.ts';
import { budgetFindings } from './budgets.ts';
import { endingFindings, kubeletFindings } from './ending.ts';
import type { DrainFacts } from './facts.ts';
import type { Finding, PodForecast } from './findings.ts';

/** The flags of kubectl that let it begin, by the word of the finding that asks for each. */
export const FLAGS: Readonly<Record<string, string>> = {
  DaemonSet: '--ignore-daemonsets',
  EmptyDir: '--delete-emptydir-data',
  NoController: '--force',
};

/** A pod that the hook does not protect: what kubectl will stumble on. To be called for one pod after the other. */
export function otherPod(pod: PodObject, facts: DrainFacts, placement: Placement): PodForecast {
  const { namespace = '', name } = pod.metadata;
  const base = { namespace, name, node: pod.spec.nodeName ?? '', profile: null };
  const flags = [...(facts.immovable.has(pod) ? [IMMOVABLE] : []), ...(isMirror(pod) ? [] : flagFindings(pod))];
  if (isMirror(pod) || isOfDaemonSet(pod)) return { ...base, outcome: 'left', findings: flags };
  const isReplaced = leave(pod, placement);
  const ending = endingFindings(pod, facts.now);
  const living = () => [...kubeletFindings(pod, facts), ...budgetFindings(pod, facts, isReplaced)];
  return { ...base, outcome: 'evicted', findings: [...flags, ...(ending.length > 0 ? ending : living())] };
}

const IMMOVABLE: Finding = {
  what: 'Immovable',
  verdict: 'note',
  text: 'A profile selects it, but no operator moves pods of a Job, of a DaemonSet or of the kubelet: the hook lets it go.',
  remedy: '',
};

/** Whether another node takes what replaces it. It is evicted at once, so it comes before the pods that are moved. */
function leave(pod: PodObject, placement: Placement): boolean {
  if (controllerOf(pod) === undefined || hasEnded(pod)) {
    placement.drop(pod);
    return false;
  }
  const { fits, comesBack } = placement.move(pod, { goesFirst: true, hasNewVolumes: false });
  return fits.length > 0 || comesBack;
}

/** kubectl asks this of every pod of the node, also of those that the hook protects. */
export function flagFindings(pod: PodObject): Finding[] {
  if (isOfDaemonSet(pod)) return [flag('DaemonSet', 'A DaemonSet owns it, so kubectl does not begin without a flag.')];
  if (hasEnded(pod)) return [];
  const hasEmptyDir = pod.spec.volumes?.some(({ emptyDir }) => emptyDir !== undefined);
  const isOwned = controllerOf(pod) !== undefined;
  return [
    ...(hasEmptyDir ? [flag('EmptyDir', 'Its emptyDir goes with it, so kubectl does not begin without a flag.')] : []),
    ...(isOwned ? [] : [flag('NoController', 'No controller will replace it, so kubectl wants a flag.')]),
  ];
}

const flag = (what: string, text: string): Finding => ({
  what,
  verdict: 'flag',
  text,
  remedy: `Drain with ${FLAGS[what]}.`,
});

export const controllerOf = ({ metadata }: PodObject) =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

function isOfDaemonSet(pod: PodObject): boolean {
  const owner = controllerOf(pod);
  return owner?.kind === 'DaemonSet' && owner.apiVersion.startsWith('apps/');
}

const isMirror = ({ metadata }: PodObject) => metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
