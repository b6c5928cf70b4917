import type { Figure } from '../evidence/record.ts';
import { figuresOf, SAFE } from '../evidence/verdict.ts';
import type { ScenarioSeen } from './checks.ts';
import type { Play } from './play.ts';
import type { Scenario } from './scenario.ts';

export interface OneDrainOptions {
  readonly nodes: number;
  readonly members: number;
  readonly process: 'in-place' | 'swap';
  /** Of the operator. */
  readonly periodMs: number;
}

/** What is rehearsed unless somebody asks for a scenario of the catalog: one drain of the fullest node. */
export function oneDrain({ nodes, members, process, periodMs }: OneDrainOptions): Scenario {
  const names = process === 'in-place' ? 'its name comes back' : 'a member with a new name takes its place';
  return {
    name: process,
    title: process === 'in-place' ? 'A drain with names that come back' : 'A drain with new names',
    about:
      `One of ${nodes} nodes is drained under a Couchbase cluster of ${members} members. Each member on it ` +
      `is moved by its operator, which looks at its cluster every ${periodMs / 1000} s, but not before the drainer has ` +
      `asked twice: ${names}.`,
    nodes,
    members,
    process,
    isVerbose: true,
    script: drainFullestNode,
    rules: SAFE,
    figures: (seen) => [...oneDrainFigures(seen), entriesLeft(seen)],
  };
}

export interface OneDrainElsewhereOptions extends Omit<OneDrainOptions, 'nodes'> {
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

const entriesLeft = ({ entries }: ScenarioSeen): Figure => ({
  what: 'entries left',
  value: [entries.length, ...entries].join(' '),
});
