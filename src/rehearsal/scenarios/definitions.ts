import type { ApiClient } from '../../kube/client.ts';
import { LOG } from '../../logs.ts';
import type { Drainer } from '../drainers/drainer.ts';
import { autoscalerLikeDrainer, clusterApiLikeDrainer, karpenterLikeDrainer } from '../drainers/relisting.ts';
import type { LogLine } from '../log-lines.ts';
import * as rules from './checks.ts';
import { dryRun } from './dry-run.ts';
import { addDaemonAndJob } from './others.ts';
import type { Play } from './play.ts';
import { disturb, drainAgainst, drainOne, drainWhile, waitForHomeless } from './scripts.ts';

/** A scenario: what stands there, what happens, and what must hold afterwards. */
export interface Definition {
  readonly name: string;
  readonly title: string;
  /** One line. */
  readonly about: string;
  readonly nodes?: number;
  readonly members?: number;
  readonly process?: 'in-place' | 'swap';
  /** All members stand on one node when it begins. */
  readonly isPacked?: boolean;
  /** How many members the operator moves at a time. Default 1. */
  readonly atOnce?: number;
  /** How long anything that has to come about may take. Default: a minute and ten periods of the operator. */
  readonly patienceMs?: number;
  readonly hookEnv?: Readonly<Record<string, string>>;
  /** Default: kubectl, or what does the same. */
  readonly drainer?: (client: ApiClient) => Drainer;
  readonly script: (play: Play) => Promise<void>;
  readonly rules: readonly rules.Rule[];
}

const SAFE = [
  rules.rehearsed,
  rules.drainsEnded,
  rules.nobodyEvicted,
  rules.nodesEmpty,
  rules.movedOnce,
  rules.nobodyMarked,
];
const SAFE_IN_PLACE = [...SAFE, rules.available(1), rules.entriesFit('in-place')];

export const SCENARIOS: readonly Definition[] = [
  {
    name: 'in-place',
    title: 'Names that come back',
    about: 'The operator moves each member under its own name.',
    script: drainOne,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'swap',
    title: 'New names',
    about: 'The operator adds a member with a new name before it removes one.',
    process: 'swap',
    script: drainOne,
    rules: [...SAFE, rules.available(1), rules.entriesFit('swap')],
  },
  {
    name: 'mixed-node',
    title: 'Other pods on the node',
    about: 'Two members share the node with other pods: of a Deployment, of a DaemonSet, and of a backup Job.',
    members: 6,
    script: async (play) => {
      const node = play.node();
      await addDaemonAndJob(play, node);
      await play.drain(node);
    },
    rules: [...SAFE_IN_PLACE, rules.othersEvicted, rules.jobEvicted, rules.daemonsStayed],
  },
  {
    name: 'two-in-a-row',
    title: 'One node after the other',
    about: 'A node is drained and given back, then the next one.',
    script: async (play) => {
      const [first = '', second = ''] = play.nodes();
      await play.drain(first);
      await play.calm();
      await play.cordon(first, false);
      await play.drain(second);
    },
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'two-at-once',
    title: 'Two nodes at the same time',
    about: 'Two administrators drain a node each.',
    nodes: 4,
    members: 4,
    script: async (play) => {
      const [first = '', second = ''] = play.nodes();
      await Promise.all([play.drain(first), play.drain(second)]);
    },
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'interrupted',
    title: 'Interrupted and resumed',
    about: 'The drainer is killed after the first mark, and run again.',
    script: async (play) => {
      const cut = new AbortController();
      const since = play.mark;
      const node = play.node();
      const drain = play.drain(node, cut.signal);
      await play.marked(since);
      play.tell('kills the drainer', node);
      cut.abort(new Error('killed'));
      await drain;
      await play.drain(node);
    },
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'hook-restart',
    title: 'The hook restarts',
    about: 'The only replica of the hook is restarted while its pod waits; a drain that fails is run again.',
    script: disturb(async (play) => {
      play.tell('restarts the hook');
      await play.options.stage.hook.restart();
    }),
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'api-restart',
    title: 'The API server restarts',
    about: 'The API server is stopped and started while a pod waits; a drain that fails is run again.',
    script: disturb(async (play) => {
      const { apiServer } = play.options.stage.cluster;
      if (apiServer === undefined) throw new Error('the API server of this cluster cannot be stopped');
      play.tell('stops the API server');
      await apiServer.stop();
      await apiServer.start();
      play.tell('has started the API server');
    }),
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'operator-paused',
    title: 'The cluster is paused, then resumed',
    about: 'Nobody moves pods while spec.paused is true.',
    script: async (play) => {
      await play.pauseCluster(true);
      await drainAgainst(play, play.refusedAgain(play.mark), () => play.pauseCluster(false));
    },
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'operator-stalled',
    title: 'The operator does not act',
    about: 'The operator hangs for longer than STALL_AFTER; the hook says so, and the drain waits.',
    hookEnv: { STALL_AFTER: '2s' },
    script: async (play) => {
      const { operator } = play.options;
      play.tell('hangs the operator');
      await operator.pause();
      const said = ({ message }: LogLine) => message === LOG.stalled;
      const stalled = async () => {
        await play.expectThat('the hook said that the operator did not act', play.hookSays(said, play.mark));
        await play.expectThat('an Event RescheduleStalled told of it', play.event('RescheduleStalled'));
      };
      await drainAgainst(play, stalled(), async () => {
        play.tell('lets the operator go on');
        operator.resume();
      });
    },
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'no-capacity',
    title: 'No room elsewhere',
    about: 'The successor stays Pending until another node is given back; the drain waits for it.',
    script: async (play) => {
      const node = play.node();
      const others = play.options.stage.cluster.nodes.filter((one) => one !== node);
      for (const other of others) await play.cordon(other, true);
      await drainWhile(play, node, waitForHomeless(play), async (hasWaited) => {
        play.expect('the drain waited while the successor had no node', hasWaited, 'it had ended');
        for (const other of others) await play.cordon(other, false);
      });
    },
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'autoscaler',
    title: 'A taint instead of a cordon',
    about: 'A drainer like cluster-autoscaler taints the node and asks again every 10 s.',
    drainer: autoscalerLikeDrainer,
    script: drainOne,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'uid-drainer',
    title: 'A drainer that names the instance',
    about: 'A drainer like Karpenter taints the node and sets the UID precondition.',
    drainer: karpenterLikeDrainer,
    script: drainOne,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'cluster-api',
    title: 'One pod after the other',
    about: 'A drainer like Cluster API cordons and evicts serially, every 20 s.',
    drainer: clusterApiLikeDrainer,
    script: drainOne,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'dry-run',
    title: 'A dry run',
    about: 'Evictions with dryRun in their body, and kubectl drain --dry-run=server, are allowed and write nothing.',
    script: dryRun,
    rules: [rules.nobodyEvicted, rules.nobodyMoved, rules.nobodyMarked, rules.nothingRemembered],
  },
  {
    name: 'large',
    title: '200 pods on one node',
    about: 'All of 200 members stand on the drained node; the operator moves 50 at a time.',
    members: 200,
    isPacked: true,
    atOnce: 50,
    script: drainOne,
    rules: [...SAFE, rules.available(50), rules.entriesFit('in-place'), rules.hookBusyBelow(5)],
  },
];
