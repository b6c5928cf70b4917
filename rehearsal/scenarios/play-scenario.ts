import type { Figure } from '../evidence/record.ts';
import { type DrainSeen, movedNames } from '../evidence/verdict.ts';
import { endedBy } from '../operator/model.ts';
import type { ScenarioSeen } from './checks.ts';
import { rightlyEvicted } from './evictions.ts';
import type { Play } from './play.ts';
import type { Outcome, Rehearsal } from './rehearsal.ts';
import { type Scenario, titleOf } from './scenario.ts';
import { setUpStandIns } from './stand-ins.ts';
import { describeTimeInHook, timeInHook } from './time-in-hook.ts';

/** Plays a scenario: creates its stand-ins, runs its script, and judges what was seen by its rules. */
export async function playScenario(scenario: Scenario, rehearsal: Rehearsal): Promise<Outcome> {
  const { evidence, signal } = rehearsal;
  const play = await setUpStandIns(scenario, rehearsal);
  evidence.start();
  await scenario.script(play);
  // What the operator does afterwards belongs to the verdict. If it does not come to rest, the verdict shows that.
  await play.calm().catch(() => signal.throwIfAborted());
  const seen = await lookBack(play, scenario);
  const checks = [...scenario.rules.map((rule) => rule(seen)), ...play.checks];
  return { checks, figures: scenario.figures?.(seen) ?? figuresOf(seen) };
}

async function lookBack(play: Play, scenario: Scenario): Promise<ScenarioSeen> {
  const { options, drains, givenBack } = play;
  const { evidence, pods, operator, site } = options;
  const { isMember } = options.place;
  const entries = await play.entries();
  const stillAsked = await play.stillAsked();
  const members = pods.instances.filter(isMember);
  const hadLetGo = (uid: string, at: number) => operator.hadLetGo(uid, at);
  const leave = { by: endedBy(options.place.model), hookUser: site.hookUser, hadLetGo };
  const unjudged = {
    scenario: titleOf(scenario),
    startedAt: evidence.startedAt,
    versions: {},
    checks: [],
    figures: [],
  };
  const recorded = evidence.recorder.record(unjudged);
  const drainMs = recorded.drains.reduce((sum, { beganMs, endedMs = beganMs }) => sum + endedMs - beganMs, 0);
  return {
    drains,
    members,
    others: pods.instances.filter((one) => !isMember(one)),
    history: evidence.history,
    deletedAt: operator.deletedAt,
    surplus: operator.surplus,
    ...(leave.by === 'operator' ? {} : { evictedAt: rightlyEvicted(evidence.history, members, leave) }),
    startedAt: evidence.startedAtMs,
    givenBack,
    ...(site.annotation === undefined ? {} : { annotation: site.annotation }),
    ...(stillAsked === undefined ? {} : { stillAsked }),
    names: options.names,
    availability: recorded.availability,
    entries,
    inHook: timeInHook(evidence.hookLines, drainMs),
    refusals: evidence.refusals,
  };
}

function figuresOf(seen: ScenarioSeen): Figure[] {
  return [
    { what: 'pods moved', value: String(movedNames(seen).length) },
    { what: 'runs of the drain', value: runsOf(seen) },
    ...seen.drains.flatMap(failureOf),
    { what: 'evictions refused', value: String(seen.refusals) },
    { what: 'entries that remain', value: String(seen.entries.length) },
    { what: 'time in the hook', value: describeTimeInHook(seen.inHook) },
  ];
}

const failureOf = ({ isCut, complaint }: DrainSeen): Figure[] =>
  isCut || complaint === undefined ? [] : [{ what: 'a drain failed', value: complaint }];

/** How often each node had to be drained until it was. */
function runsOf({ drains }: ScenarioSeen): string {
  const nodes = [...new Set(drains.map(({ node }) => node))];
  const runs = nodes.map((node) => `${drains.filter((one) => one.node === node).length} of ${node}`);
  return runs.join(', ') || 'none';
}
