import {
  BUDGET,
  DAEMON_SET,
  DEPLOYMENT,
  EVENT,
  JOB,
  type Kind,
  NAMESPACE,
  NODE,
  POD,
  REPLICA_SET,
} from '../storage/kinds.ts';
import { type ApiObject, conditionOf, type Json, type Node, type Pod, recordAt } from '../storage/object.ts';

/** One column of `kubectl get`; those with priority 1 are shown with `-o wide`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly format: '' | 'name';
  readonly priority: 0 | 1;
  readonly cell: (object: ApiObject, now: number) => string | number;
}

const column = (name: string, cell: Column['cell'], more: Partial<Column> = {}): Column => ({
  name,
  type: 'string',
  format: '',
  priority: 0,
  cell,
  ...more,
});
const integer = (name: string, cell: Column['cell']) => column(name, cell, { type: 'integer' });
const wide = (name: string, cell: Column['cell']) => column(name, cell, { priority: 1 });

const NAME = column('Name', ({ metadata }) => metadata.name, { format: 'name' });
const AGE = column('Age', ({ metadata }, now) => ageSince(metadata.creationTimestamp, now));
const NONE = '<none>';
const UNKNOWN = '<unknown>';

const spec = (object: ApiObject) => recordAt(object, 'spec');
const status = (object: ApiObject) => recordAt(object, 'status');
const count = (from: Json, field: string) => Number(from[field] ?? 0);

const POD_COLUMNS = [
  NAME,
  column('Ready', (object) => {
    const { spec, status } = object as Pod;
    const ready = status.containerStatuses?.filter((container) => container.ready).length ?? 0;
    return `${ready}/${spec.containers?.length ?? 0}`;
  }),
  column('Status', (object) => podStatus(object as Pod)),
  column('Restarts', (object) => {
    const { status } = object as Pod;
    return String(status.containerStatuses?.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0) ?? 0);
  }),
  AGE,
  wide('IP', (object) => String(status(object).podIP ?? NONE)),
  wide('Node', (object) => (object as Pod).spec.nodeName ?? NONE),
  wide('Nominated Node', () => NONE),
  wide('Readiness Gates', (object) => {
    const { spec, status } = object as Pod;
    const gates = spec.readinessGates ?? [];
    const open = gates.filter(({ conditionType }) => conditionOf(status.conditions, conditionType)?.status === 'True');
    return gates.length === 0 ? NONE : `${open.length}/${gates.length}`;
  }),
];

function podStatus({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return status.phase === 'Succeeded' ? 'Completed' : (status.phase ?? '');
}

const NODE_COLUMNS = [
  NAME,
  column('Status', (object) => nodeStatus(object as Node)),
  column('Roles', () => NONE),
  AGE,
  column('Version', (object) => (object as Node).status.nodeInfo?.kubeletVersion ?? ''),
  wide('Internal-IP', (object) => addressOf(object as Node, 'InternalIP')),
  wide('External-IP', (object) => addressOf(object as Node, 'ExternalIP')),
  wide('OS-Image', (object) => (object as Node).status.nodeInfo?.osImage || UNKNOWN),
  wide('Kernel-Version', (object) => (object as Node).status.nodeInfo?.kernelVersion || UNKNOWN),
  wide('Container-Runtime', (object) => (object as Node).status.nodeInfo?.containerRuntimeVersion || UNKNOWN),
];

function nodeStatus({ spec, status }: Node): string {
  const ready = conditionOf(status.conditions, 'Ready')?.status;
  const word = ready === 'True' ? 'Ready' : 'NotReady';
  return [ready === undefined ? 'Unknown' : word, ...(spec.unschedulable ? ['SchedulingDisabled'] : [])].join(',');
}

const addressOf = ({ status }: Node, type: string) =>
  status.addresses?.find((address) => address.type === type)?.address ?? NONE;

const EVENT_COLUMNS = [
  column('Last Seen', (event, now) => ageSince(event.lastTimestamp, now)),
  column('Type', ({ type }) => String(type ?? '')),
  column('Reason', ({ reason }) => String(reason ?? '')),
  column('Object', (event) => {
    const { kind, name } = recordAt(event, 'involvedObject');
    return `${String(kind ?? '').toLowerCase()}/${String(name ?? '')}`;
  }),
  wide('Subobject', (event) => String(recordAt(event, 'involvedObject').fieldPath ?? '')),
  wide('Source', (event) => String(recordAt(event, 'source').component ?? '')),
  column('Message', ({ message }) => String(message ?? '').trim()),
  wide('First Seen', (event, now) => ageSince(event.firstTimestamp, now)),
  wide('Count', (event) => Number(event.count ?? 1)),
  { ...NAME, priority: 1 as const },
];

const TEMPLATE = [
  wide('Containers', (object) => containersOf(object, 'name')),
  wide('Images', (object) => containersOf(object, 'image')),
  wide('Selector', (object) => selectorText(recordAt(spec(object), 'selector'))),
];

function containersOf(object: ApiObject, field: string): string {
  const { containers = [] } = recordAt(recordAt(spec(object), 'template'), 'spec');
  return (containers as readonly Json[]).map((container) => String(container[field] ?? '')).join(',');
}

function selectorText(selector: Json): string {
  const labels = Object.entries(recordAt(selector, 'matchLabels'));
  return labels.map(([key, value]) => `${key}=${String(value)}`).join(',') || NONE;
}

const COLUMNS: ReadonlyMap<Kind, readonly Column[]> = new Map([
  [POD, POD_COLUMNS],
  [NODE, NODE_COLUMNS],
  [NAMESPACE, [NAME, column('Status', (object) => String(status(object).phase ?? '')), AGE]],
  [EVENT, EVENT_COLUMNS],
  [
    DEPLOYMENT,
    [
      NAME,
      column('Ready', (object) => `${count(status(object), 'readyReplicas')}/${count(spec(object), 'replicas')}`),
      column('Up-to-date', (object) => count(status(object), 'updatedReplicas')),
      column('Available', (object) => count(status(object), 'availableReplicas')),
      AGE,
      ...TEMPLATE,
    ],
  ],
  [
    REPLICA_SET,
    [
      NAME,
      integer('Desired', (object) => count(spec(object), 'replicas')),
      integer('Current', (object) => count(status(object), 'replicas')),
      integer('Ready', (object) => count(status(object), 'readyReplicas')),
      AGE,
      ...TEMPLATE,
    ],
  ],
  [
    DAEMON_SET,
    [
      NAME,
      integer('Desired', (object) => count(status(object), 'desiredNumberScheduled')),
      integer('Current', (object) => count(status(object), 'currentNumberScheduled')),
      integer('Ready', (object) => count(status(object), 'numberReady')),
      integer('Up-to-date', (object) => count(status(object), 'updatedNumberScheduled')),
      integer('Available', (object) => count(status(object), 'numberAvailable')),
      column('Node Selector', (object) => {
        const { nodeSelector } = recordAt(recordAt(spec(object), 'template'), 'spec');
        return selectorText({ matchLabels: nodeSelector });
      }),
      AGE,
      ...TEMPLATE,
    ],
  ],
  [
    JOB,
    [
      NAME,
      column('Status', (object) => (count(status(object), 'succeeded') > 0 ? 'Complete' : 'Running')),
      column(
        'Completions',
        (object) => `${count(status(object), 'succeeded')}/${Number(spec(object).completions ?? 1)}`,
      ),
      AGE,
    ],
  ],
  [
    BUDGET,
    [
      NAME,
      column('Min Available', (object) => String(spec(object).minAvailable ?? 'N/A')),
      column('Max Unavailable', (object) => String(spec(object).maxUnavailable ?? 'N/A')),
      integer('Allowed Disruptions', (object) => count(status(object), 'disruptionsAllowed')),
      AGE,
    ],
  ],
]);

export const columnsOf = (kind: Kind): readonly Column[] => COLUMNS.get(kind) ?? [NAME, AGE];

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Roughly, as kubectl shows an age: `5s`, `4m12s`, `3h5m`, `2d`. */
function ageSince(time: unknown, now: number): string {
  if (typeof time !== 'string') return UNKNOWN;
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (seconds < 2 * MINUTE_S) return `${seconds}s`;
  if (seconds < 3 * HOUR_S) return two(seconds, MINUTE_S, 'm', 1, 's', 10 * MINUTE_S);
  return seconds < 2 * DAY_S ? two(seconds, HOUR_S, 'h', MINUTE_S, 'm', 8 * HOUR_S) : `${Math.floor(seconds / DAY_S)}d`;
}

function two(seconds: number, big: number, unit: string, small: number, rest: string, until: number): string {
  const remainder = Math.floor((seconds % big) / small);
  const tail = remainder > 0 && seconds < until ? `${remainder}${rest}` : '';
  return `${Math.floor(seconds / big)}${unit}${tail}`;
}
