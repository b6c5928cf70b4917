import { Placement } from '../scheduling/placement.ts';
import type { DrainFacts } from './facts.ts';
import { type Forecast, isBad, type PodForecast } from './findings.ts';
import { type InstallationFacts, installationChecks } from './installation.ts';
import { FLAGS, otherPod } from './other-pods.ts';
import { protectedPod } from './protected-pods.ts';

/** What a drain of these nodes would do, and what would hold it up. Pure: facts in, findings out. */
export function forecastDrain(facts: DrainFacts, installation: InstallationFacts): Forecast {
  const pods = forecastPods(facts);
  const checks = installationChecks(installation);
  return {
    version: 1,
    isClear: !pods.some(({ findings }) => findings.some(isBad)) && !checks.some(({ result }) => result === 'wrong'),
    installation: installation.name,
    settingsFrom: installation.settingsFrom,
    profiles: installation.profiles,
    checks,
    nodes: facts.nodes,
    pods,
    command: commandFor(facts.nodes, pods),
  };
}

/** Of the pods alone. The hook lets the others go at once, so their replacements take room before the first is moved. */
export function forecastPods(facts: DrainFacts): PodForecast[] {
  const placement = new Placement(facts.world, facts.nodes);
  const known = new Set(facts.protectedPods.map(({ object }) => object));
  const others = facts.pods.filter((pod) => !known.has(pod)).map((pod) => otherPod(pod, facts, placement));
  const own = facts.protectedPods.map((one) => protectedPod(one, facts, placement));
  return [...own, ...others];
}

export function commandFor(nodes: readonly string[], pods: readonly PodForecast[]): string {
  const asked = new Set(pods.flatMap(({ findings }) => findings.map(({ what }) => what)));
  const flags = Object.entries(FLAGS).flatMap(([what, flag]) => (asked.has(what) ? [flag] : []));
  return ['kubectl drain', ...nodes, ...flags].join(' ');
}
