import { setTimeout as sleep } from 'node:timers/promises';
import { TIME_IS_UP } from '../../rehearsal/drainers/drain-node.ts';
import type { Drainer } from '../../rehearsal/drainers/drainer.ts';
import * as verdict from '../../rehearsal/evidence/verdict.ts';
import { rehearse } from '../../rehearsal/rehearse.ts';
import type { ScenarioSeen } from '../../rehearsal/scenarios/checks.ts';
import type { Play } from '../../rehearsal/scenarios/play.ts';
import type { Scenario } from '../../rehearsal/scenarios/scenario.ts';
import { plainView } from '../../rehearsal/terminal/view.ts';
import type { Venue } from '../../rehearsal/venues/venue.ts';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { nodePath } from '../../src/kube/paths.ts';
import { NotYet, until } from '../../testkit/until.ts';
import { type Kind, operatorOf } from './kinds.ts';
import { type AtLimit, type Fate, modelKey, type Outcome } from './results.ts';
import type { Subject } from './subject.ts';

/** What a drain showed, with all times on the wall. */
interface Played {
  readonly seen: ScenarioSeen;
  readonly lines: readonly Line[];
  /** It had to be stopped. */
  readonly isCut: boolean;
  readonly nodeIsBack: boolean;
  readonly log: readonly string[];
}

interface Line {
  readonly at: number;
  readonly text: string;
}

/** A drain that goes on for so long after the operator might act does not end. */
const NO_END_MS = 60_000;
/** One that has not asked by then asks for nothing. */
const FIRST_REQUEST_MS = 20_000;

export interface Plan {
  readonly subject: Subject;
  readonly kind: Kind;
  /** Its namespace, and the beginning of the names of its nodes. */
  readonly place: string;
  readonly venue: Venue;
  /** The minor version of its API server. */
  readonly kubernetes: string;
  /** The operator does nothing before the drain ends. */
  readonly isIdle?: boolean;
  readonly signal: AbortSignal;
}

/** Drains a node once. Rejects if it broke off. */
export async function playDrain(plan: Plan): Promise<Outcome> {
  return outcomeOf(plan, await played(plan));
}

/** Drains a node of an operator that does nothing, until the drainer's own limit comes. */
export async function playLimit(plan: Plan): Promise<AtLimit> {
  const { seen, lines, nodeIsBack, isCut, log } = await played({ ...plan, isIdle: true });
  const { name, times, model } = plan.subject;
  if (isCut && model?.limit?.atEnd !== 'waits')
    throw new Error(`${name} has not ended at its limit\n${log.join('\n')}`);
  const { endedAt, code } = drainOf(seen);
  const [first, last] = [lines[0], lines.find(({ text }) => text === TIME_IS_UP) ?? lines.at(-1)];
  if (first === undefined || last === undefined) throw new Error(`${name} has said nothing`);
  return {
    drainer: name,
    ...modelKey(model),
    kubernetes: plan.kubernetes,
    afterS: seconds(last.at - first.at, times),
    end: endOf(isCut, code),
    // Then the operator acts again, and may move a pod that is still marked.
    pods: fateOf(seen, endedAt),
    nodeIsBack,
    lastLine: plainly(lines.at(-1)?.text ?? '', plan),
  };
}

async function played({ subject, kind, venue, isIdle = false, signal }: Plan): Promise<Played> {
  const lines: Line[] = [];
  const log: string[] = [];
  let seen: ScenarioSeen | undefined;
  let isCut = false;
  let nodeIsBack = false;
  const scenario: Scenario = {
    name: `${subject.name}/${kind.profile}`,
    title: subject.name,
    about: kind.title,
    model: operatorOf(kind),
    drainer: (client) => listening(subject.drainer(client), lines),
    script: async (play) => {
      const node = play.node();
      isCut = await drainHeld(play, node, { ...subject, isIdle, lines });
      nodeIsBack = await isFree(play.client, node);
    },
    rules: [verdict.rehearsed],
    figures: (all) => {
      seen = all;
      return [];
    },
  };
  const record = await rehearse(
    scenario,
    venue,
    plainView((line) => void log.push(line)),
    signal,
  );
  const wrong = record.checks.flatMap(({ problems }) => problems);
  if (seen === undefined || wrong.length > 0)
    throw new Error(`${scenario.name}: ${wrong.join('; ')}\n${log.join('\n')}`);
  return { seen, lines, isCut, nodeIsBack, log };
}

interface Held extends Pick<Subject, 'holdMs' | 'times'> {
  readonly isIdle: boolean;
  readonly lines: readonly Line[];
}

/** Drains with an operator that acts late, or never. True if the drain had to be stopped. */
async function drainHeld(play: Play, node: string, { holdMs, times, isIdle, lines }: Held): Promise<boolean> {
  const { signal, pause } = play.options;
  const names = new Set(play.protectedOn(node).map(({ name }) => name));
  const cut = new AbortController();
  const endPause = await pause.begin();
  const drain = play.drain(node, { heldFor: 0, cut: cut.signal });
  const ended = drain.then(() => true);
  const after = (ms: number) => sleep(ms, false, { signal });
  const hasAsked = until(
    'the first request',
    async () => {
      if (!lines.some(({ text }) => isAbout(text, names))) throw new NotYet('nobody has asked');
    },
    { timeoutMs: FIRST_REQUEST_MS, signal },
  );
  try {
    await Promise.race([ended, hasAsked.catch(() => signal.throwIfAborted())]);
    if (!isIdle) await Promise.race([ended, after(holdMs / times)]);
    if (!isIdle) endPause();
    if (await Promise.race([ended, after(isIdle ? holdMs / times + NO_END_MS : NO_END_MS)])) return false;
    cut.abort(new Error('it does not end'));
    await drain;
    return true;
  } finally {
    endPause();
  }
}

function listening(drainer: Drainer, lines: Line[]): Drainer {
  return {
    ...drainer,
    drain: (request) =>
      drainer.drain({
        ...request,
        onLine: (text, stream) => {
          lines.push({ at: performance.now(), text });
          request.onLine?.(text, stream);
        },
      }),
  };
}

async function isFree(client: ApiClient, node: string): Promise<boolean> {
  const { spec = {} } = (await client.json({ method: 'GET', path: nodePath(node) })) as { spec?: JsonObject };
  // The control plane adds and takes a taint of its own for a cordon, a moment later.
  const taints = ((spec.taints ?? []) as { readonly key: string }[]).filter(({ key }) => !key.startsWith('node.k'));
  return spec.unschedulable !== true && taints.length === 0;
}

/** What had become of the pods by that time; a deletion counts whenever it ended. */
function fateOf(seen: ScenarioSeen, by = Number.POSITIVE_INFINITY): Fate {
  const { drained } = drainOf(seen);
  const isThere = new Set(seen.history.stays.filter(({ to }) => to > by).map(({ uid }) => uid));
  const members = seen.members.filter(({ uid }) => drained.has(uid));
  if (members.some(({ isGone, uid }) => isGone && letGoAt(seen, uid) === undefined)) return 'deleted';
  return members.every(({ isGone, uid }) => isGone && !isThere.has(uid)) ? 'moved' : 'stay';
}

const letGoAt = ({ deletedAt, evictedAt }: ScenarioSeen, uid: string) => deletedAt.get(uid) ?? evictedAt?.get(uid);

/** Each pod is moved once; nobody is told that a pod has moved that has not; nobody but its operator ends one. */
const RULES = [verdict.nobodyEvicted, verdict.releasedLate, verdict.movedOnce];

function outcomeOf(plan: Plan, { seen, lines, isCut }: Played): Outcome {
  const { subject, kind, kubernetes } = plan;
  const { drained, code, endedAt } = drainOf(seen);
  const names = new Set(seen.members.filter(({ uid }) => drained.has(uid)).map(({ name }) => name));
  const asked = lines.filter(({ text }) => isAbout(text, names));
  const goneAt = Math.max(...seen.history.stays.filter(({ uid }) => drained.has(uid)).map(({ to }) => to));
  const end = endOf(isCut, code);
  return {
    drainer: subject.name,
    ...modelKey(subject.model),
    profile: kind.profile,
    kubernetes,
    end,
    pods: fateOf(seen),
    requests: asked.length,
    ...(end === 'ended' && goneAt !== Infinity ? { lateS: seconds(endedAt - goneAt, subject.times) } : {}),
    problems: problemsOf(seen, subject, asked.length > 0).map((one) => plainly(one, plan)),
    refusal: plainly(lines.filter((line) => isRefusal(line, names)).at(-1)?.text ?? '', plan),
  };
}

/** On the drainer's clock, from ms on the wall. */
const seconds = (ms: number, times: number) => Math.max(0, Math.round((ms * times) / 100) / 10);

function drainOf({ drains: [drain] }: ScenarioSeen) {
  if (drain === undefined) throw new Error('there was no drain');
  return drain;
}

function endOf(isCut: boolean, code: number): Outcome['end'] {
  if (isCut) return 'waits';
  return code === 0 ? 'ended' : 'failed';
}

function problemsOf(seen: ScenarioSeen, { model }: Subject, hasAsked: boolean): string[] {
  // One that marks no node does not keep pods from coming back to it, and one that does not ask is not told.
  const isBlind = model?.marks.length === 0 || !hasAsked;
  // A pod that was rightly evicted may still be ending, if the drainer does not wait for that.
  const ending = seen.members.filter(({ uid }) => seen.evictedAt?.has(uid)).map(({ name }) => name);
  const left = isBlind ? [] : drainOf(seen).left.filter((name) => !ending.includes(name));
  return [
    ...RULES.flatMap((rule) => rule(seen).problems),
    ...left.map((name) => `${name} was on the node when the drain had ended`),
  ];
}

function isAbout(text: string, names: ReadonlySet<string>): boolean {
  return names.has(requestIn(text) ?? '');
}

/** The name of the pod that a drainer says it asks for. Some refusals begin alike: `evicting pod violates a PDB: db/cb-0`. */
export const requestIn = (line: string): string | undefined => /^evicting pod [^/\s]+\/(\S+)$/.exec(line)?.[1];

const isRefusal = ({ text }: Line, names: ReadonlySet<string>) =>
  !isAbout(text, names) && !/^(node\/|pod\/|Warning)/.test(text) && [...names].some((name) => text.includes(name));

/** As an installed hook has it. */
const WEBHOOK = 'reschedule-hook-server.reschedule-hook-system.svc';

/** Without what is another one in each run. */
const plainly = (text: string, { place }: Pick<Plan, 'place'>) =>
  text
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID')
    .replaceAll(/ \(([0-9a-f]{8})\)/g, '')
    .replaceAll(/admission webhook "[^"]+"/g, `admission webhook "${WEBHOOK}"`)
    .replaceAll(new RegExp(`${place}-(\\d)`, 'g'), 'node-$1')
    .replaceAll(place, 'db');
