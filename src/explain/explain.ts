import type { Decision, Reason } from '../policy/decision.ts';
import { formatAge } from '../policy/duration.ts';
import type { Entry, Node, Pod } from '../policy/model.ts';
import { drainCause, drainingSince } from '../policy/node-state.ts';
import { type Observation, seenValue } from '../policy/observation.ts';
import type { Stall } from '../policy/plans/stall.ts';
import { describeHindrance } from '../policy/pod-state.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import { findEntry } from '../policy/tracking/elsewhere.ts';
import type { LastEvents, SeenEvent } from './events.ts';
import { meaningOf } from './meaning.ts';

export interface ExplainFacts {
  readonly seen: Observation;
  readonly decision: Decision;
  readonly settings: PolicySettings;
  readonly settingsFrom: string;
  /** Absent: no profile selects the pod. */
  readonly stall?: Stall;
  readonly events: LastEvents;
  /** The plurals of what may say what hinders operators, and could not be read. */
  readonly unreadReports: readonly string[];
}

/** `waiting`: it goes on by itself. `stuck`: a human has to act. `free`: no drain waits for it. */
export type PodState = 'free' | 'waiting' | 'stuck';

export interface Explanation {
  readonly version: 1;
  readonly pod: string;
  readonly state: PodState;
  readonly settingsFrom: string;
  readonly profile: string | null;
  /** The row of docs/decision-table.md, and what an eviction would be answered now. */
  readonly rule: string;
  readonly reason: string;
  readonly message: string;
  /** What was looked at, each with what was seen. */
  readonly seen: readonly { readonly what: string; readonly text: string }[];
  readonly next: string;
  readonly otherwise: string;
}

/** Why the pod waits now. Pure: what was observed goes in. */
export function explain(facts: ExplainFacts): Explanation {
  const { seen, decision, settingsFrom, stall } = facts;
  const { next, otherwise } = meaningOf(decision, seen);
  const { namespace, name } = seen.request;
  const why = stall?.kind === 'stalled' ? `The pod ${stall.why}. ` : '';
  return {
    version: 1,
    pod: `${namespace}/${name}`,
    state: stateOf(facts),
    settingsFrom,
    profile: decision.profile ?? null,
    rule: decision.rule,
    reason: decision.reason,
    message: messageOf(decision),
    seen: lookedAt(facts),
    next: isAtRest(facts) ? 'Nothing: nobody drains its node, and it is not marked.' : `${why}${next}`,
    otherwise: isAtRest(facts) ? '' : otherwise,
  };
}

function stateOf(facts: ExplainFacts): PodState {
  const { seen, decision, stall } = facts;
  if (isAtRest(facts)) return 'free';
  if (meaningOf(decision, seen).isStuck || stall?.kind === 'stalled') return 'stuck';
  const isWaiting = decision.kind === 'deny' && decision.code === 429;
  return isWaiting || decision.kind === 'mark' ? 'waiting' : 'free';
}

/** Answers that a pod gets only because this command asks: it is unmarked, and came here by itself. */
const ON_A_QUIET_NODE: readonly Reason[] = [
  'Marked',
  'Held',
  'GroupBusy',
  'GroupUntracked',
  'BudgetExhausted',
  'NotAsked',
  'NotDraining',
  'OtherInstallation',
];

/** It would get this answer if somebody drained its node, and nobody does. */
function isAtRest({ decision, seen, settings }: ExplainFacts): boolean {
  const node = seenValue(seen.node);
  const isQuiet = node !== undefined && drainCause(node, settings.drainTaints) === undefined;
  return isQuiet && ON_A_QUIET_NODE.includes(decision.reason);
}

function messageOf(decision: Decision): string {
  return decision.kind === 'allow' ? 'the eviction is let go' : decision.message;
}

function lookedAt(facts: ExplainFacts): Explanation['seen'] {
  const { seen, settings, events } = facts;
  const pod = seenValue(seen.pod);
  const { now, tracker } = seen;
  const entry = findEntry(seen.request, seenValue(tracker), seen.elsewhere);
  return [
    { what: 'mark', text: pod === undefined ? 'there is no such pod' : describeMark(pod, now) },
    { what: 'entry', text: entry === undefined ? noEntry(seen) : describeEntry(entry.entry, entry.on, pod, now) },
    { what: 'node', text: describeNode(pod, seenValue(seen.node), settings, now) },
    { what: 'operator', text: describeOperator(facts) },
    { what: 'its Event', text: describeEvent(events, events.operatorEvent, now) },
    { what: "hook's Event", text: describeEvent(events, events.hookEvent, now) },
  ];
}

function describeMark({ mark }: Pod, now: number): string {
  if (mark === undefined) return 'none';
  const since = mark.at === undefined ? '' : ` ${formatAge(now - mark.at)} ago`;
  const by = mark.by === undefined ? '' : ` by ${mark.by}`;
  return mark.matches ? `set${since}${by}` : `set${since}${by}, with a value that asks nobody to move the pod`;
}

function noEntry({ tracker }: Observation): string {
  return tracker.kind === 'absent' && tracker.why !== undefined ? `none: ${tracker.why}` : 'none';
}

function describeEntry({ uid, at, node, marks }: Entry, on: string, pod: Pod | undefined, now: number): string {
  const whose = uid === undefined || uid !== pod?.uid ? 'of an earlier instance' : 'of this instance';
  const since = at === undefined ? '' : `, written ${formatAge(now - at)} ago`;
  const from = node === undefined ? '' : `, to leave ${node}`;
  const often = marks === undefined ? '' : `, marked ${marks} times`;
  return `on ${on}, ${whose}${since}${from}${often}`;
}

function describeNode(
  pod: Pod | undefined,
  node: Node | undefined,
  { drainTaints }: PolicySettings,
  now: number,
): string {
  if (pod?.node === undefined) return 'none: it is not scheduled';
  if (node === undefined) return `${pod.node}, which is gone`;
  const cause = drainCause(node, drainTaints);
  if (cause === undefined) return `${node.name}, which nobody drains`;
  const since = drainingSince(node, drainTaints);
  return `${node.name}, draining${since === undefined ? '' : ` for ${formatAge(now - since)}`} (${cause})`;
}

function describeOperator({ seen, unreadReports }: ExplainFacts): string {
  const hindrance = describeHindrance(seenValue(seen.tracker), seen.reported);
  if (hindrance !== undefined) return hindrance;
  const unread = seen.profile?.hindrances?.flatMap(({ plural }) => (unreadReports.includes(plural) ? [plural] : []));
  if (unread === undefined || unread.length === 0) return 'nothing reports that it is hindered';
  return `not known: ${unread.join(', ')} cannot be read`;
}

function describeEvent({ areUnread }: LastEvents, event: SeenEvent | undefined, now: number): string {
  if (areUnread) return 'not known: Events cannot be read';
  if (event === undefined) return 'none was found';
  const { at, by, on, reason, message } = event;
  return `${formatAge(now - at)} ago, by ${by} on ${on}: ${reason}: ${message}`;
}
