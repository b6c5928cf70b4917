import type { Figure } from '../evidence/record.ts';
import { figuresOf, SAFE } from '../evidence/verdict.ts';
import type { OperatorModel } from '../operator/model.ts';
import { COUCHBASE } from '../operator/models/couchbase.ts';
import type { ScenarioSeen } from './checks.ts';
import type { Play } from './play.ts';
import type { Scenario } from './scenario.ts';

export interface OneDrainOptions {
  readonly nodes: number;
  readonly members: number;
  readonly process: 'in-place' | 'swap';
  /** Of the operator. */
  readonly periodMs: number;
  /** Absent: Couchbase's, and a hook without PROFILES. */
  readonly model?: OperatorModel;
}

/** What is rehearsed unless somebody asks for a scenario of the catalog: one drain of the fullest node. */
export function oneDrain({ nodes, members, process, periodMs, model }: OneDrainOptions): Scenario {
  const { title, mark } = model ?? COUCHBASE;
  const names = { 'in-place': 'its name comes back', swap: 'a member with a new name takes its place' };
  return {
    name: model?.profile ?? process,
    title: model === undefined ? `A drain with ${TITLES[process]}` : `A drain under ${title}`,
    about:
      `One of ${nodes} nodes is drained under ${title} of ${members} members. Each member on it is moved by its operator, ` +
      `which looks ${lookOf(model, periodMs)}, but not before the drainer has asked twice` +
      (model === undefined ? `: ${names[process]}.` : mark === undefined ? '.' : `. The mark is ${mark.key}.`),
    nodes,
    members,
    process,
    ...(model === undefined ? {} : { model }),
    isVerbose: true,
    script: drainFullestNode,
    rules: SAFE,
    figures: (seen) => [...oneDrainFigures(seen), entriesThatRemain(seen)],
  };
}

const TITLES = { 'in-place': 'names that come back', swap: 'new names' };

function lookOf(model: OperatorModel | undefined, periodMs: number): string {
  return model?.takesMarks === 'mark' ? 'as soon as it sees a mark' : `at its cluster every ${periodMs / 1000} s`;
}

export interface OneDrainElsewhereOptions extends Omit<OneDrainOptions, 'nodes' | 'model'> {
  readonly nodes: readonly string[];
  /** The context of the cluster. */
  readonly context: string;
}

/** The same on a cluster that exists. */
export function oneDrainElsewhere({ nodes, members, process, periodMs, context }: OneDrainElsewhereOptions): Scenario {
  return {
    name: 'cluster',
    title: `A drain on the cluster of context ${context}`,
    about:
      `One of the nodes ${nodes.join(', ')} is drained with kubectl under ${members} stand-in members, ` +
      `which are moved by a stand-in operator that looks every ${periodMs / 1000} s, but not before kubectl has asked ` +
      'twice. The hook is the installed one.',
    members,
    process,
    isVerbose: true,
    script: drainFullestNode,
    rules: SAFE,
    figures: oneDrainFigures,
  };
}

async function drainFullestNode(play: Play): Promise<void> {
  const { timeline } = play.options.evidence;
  for (const { name: pod, uid, node } of await play.calm()) {
    timeline.add({ who: 'cluster', what: 'in place', pod, uid, ...(node ? { node } : {}) });
  }
  await play.drain(play.node());
}

function oneDrainFigures(seen: ScenarioSeen): Figure[] {
  return [...figuresOf(seen), { what: 'evictions refused', value: String(seen.refusals) }];
}

const entriesThatRemain = ({ entries }: ScenarioSeen): Figure => ({
  what: 'entries that remain',
  value: [entries.length, ...entries].join(' '),
});
