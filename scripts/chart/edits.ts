import { entryOf, type Json, type Node, nodeAt, plainOf, setEntry } from './tree.ts';
import { BY_THE_CHART, type FromDeployment } from './values.ts';

const CONTAINER = ['spec', 'template', 'spec', 'containers', 0] as const;
const POD = ['spec', 'template', 'spec'] as const;
const inline = (text: string): Node => ({ kind: 'inline', text });

/** What the Deployment of config says where the chart has a value. */
export function fromDeployment(tree: Node): FromDeployment {
  const at = (...path: readonly (string | number)[]): Json => plainOf(nodeAt(tree, ...path));
  return {
    replicas: at('spec', 'replicas'),
    pullPolicy: at(...CONTAINER, 'imagePullPolicy'),
    priorityClassName: at(...POD, 'priorityClassName'),
    terminationGracePeriodSeconds: at(...POD, 'terminationGracePeriodSeconds'),
    resources: at(...CONTAINER, 'resources'),
    tolerations: at(...POD, 'tolerations'),
    topologySpreadConstraints: at(...POD, 'topologySpreadConstraints'),
    settings: settingsIn(nodeAt(tree, ...CONTAINER, 'env')),
  };
}

/** Those that config/default sets; under which conditions they are others does not count. */
function settingsIn(env: Node): Readonly<Record<string, string>> {
  if (env.kind !== 'list') throw new Error('env is no list');
  return Object.fromEntries(
    env.items.flatMap((item) => {
      const value = entryOf(item, 'value');
      const own = value?.kind === 'choice' ? value.otherwise : value;
      return own === undefined ? [] : [[nameOf(item), String(plainOf(own))]];
    }),
  );
}

/** Puts values into their places. What config says there are their defaults. */
export function editDeployment(tree: Node): void {
  setEntry(nodeAt(tree, 'spec'), 'replicas', inline('{{ $.Values.replicas }}'));
  const pod = nodeAt(tree, ...POD);
  for (const key of ['tolerations', 'topologySpreadConstraints', 'nodeSelector', 'affinity', 'imagePullSecrets']) {
    setEntry(pod, key, block(key, `$.Values.${key}`));
  }
  setEntry(pod, 'priorityClassName', line('priorityClassName', '$.Values.priorityClassName'));
  setEntry(pod, 'terminationGracePeriodSeconds', inline('{{ $.Values.terminationGracePeriodSeconds }}'));
  const container = nodeAt(tree, ...CONTAINER);
  setEntry(container, 'image', inline('{{ include "reschedule-hook.image" $ | quote }}'));
  setEntry(container, 'imagePullPolicy', inline('{{ $.Values.image.pullPolicy }}'));
  setEntry(container, 'resources', block('resources', '$.Values.resources'));
  const metadata = nodeAt(tree, 'spec', 'template', 'metadata');
  addTo(metadata, 'labels', items('$.Values.podLabels'));
  addTo(metadata, 'annotations', items('$.Values.podAnnotations'));
  addTo(pod, 'volumes', items('$.Values.extraVolumes'));
  addTo(container, 'volumeMounts', items('$.Values.extraVolumeMounts'));
  editEnvironment(container);
  editPorts(container, nodeAt(metadata, 'annotations'));
}

/** A setting of the values counts instead of the one in config; the others come after those. */
function editEnvironment(container: Node): void {
  const env = nodeAt(container, 'env');
  if (env.kind !== 'list') throw new Error('env is no list');
  const always: string[] = [];
  env.items = env.items.map((item) => {
    const name = nameOf(item);
    if (BY_THE_CHART.includes(name)) return item;
    if (item.kind === 'map') {
      always.push(name);
      setEntry(item, 'value', instead(name, '{{ index $.Values.settings "NAME" | quote }}', nodeAt(item, 'value')));
      return item;
    }
    return {
      kind: 'choice',
      options: [{ when: `hasKey $.Values.settings "${name}"`, node: undefined }],
      otherwise: item,
    };
  });
  const known = always.map((name) => `"${name}"`).join(' ');
  env.items.push({
    kind: 'block',
    lines: (indent) => {
      const pad = ' '.repeat(indent);
      return [
        '{{- range $name, $value := $.Values.settings }}',
        `{{- if not (has $name (list ${known})) }}`,
        `${pad}- name: {{ $name }}`,
        `${pad}  value: {{ $value | quote }}`,
        '{{- end }}',
        '{{- end }}',
      ];
    },
  });
  env.items.push(items('$.Values.extraEnv'));
}

/** The ports on which the hook listens, by its settings. */
function editPorts(container: Node, annotations: Node): void {
  const ports = nodeAt(container, 'ports');
  if (ports.kind !== 'list') throw new Error('ports is no list');
  for (const port of ports.items) {
    const setting = `${nameOf(port)}_PORT`.toUpperCase();
    const own = nodeAt(port, 'containerPort');
    setEntry(port, 'containerPort', instead(setting, '{{ int (index $.Values.settings "NAME") }}', own));
  }
  const scraped = 'prometheus.io/port';
  const port = '{{ index $.Values.settings "NAME" | quote }}';
  setEntry(annotations, scraped, instead('HEALTH_PORT', port, nodeAt(annotations, scraped)));
}

/** The port by which the API server calls. */
export function editService(tree: Node): void {
  const webhook = nodeAt(tree, 'spec', 'ports', 0);
  const port = '{{ int (index $.Values.settings "NAME") }}';
  setEntry(webhook, 'port', instead('SERVICE_PORT', port, nodeAt(webhook, 'port')));
}

export function editQuota(tree: Node): void {
  const expression = nodeAt(tree, 'spec', 'scopeSelector', 'matchExpressions', 0);
  setEntry(expression, 'values', inline('[{{ $.Values.priorityClassName | quote }}]'));
}

export function editMonitor(tree: Node): void {
  addTo(nodeAt(tree, 'metadata'), 'labels', items('$.Values.monitorLabels'));
}

/** What charts are expected to label. Selectors and templates of pods stay as they are. */
export function editLabels(tree: Node): void {
  const lines = (indent: number) => [`{{- include "reschedule-hook.labels" $ | nindent ${indent} }}`];
  addTo(nodeAt(tree, 'metadata'), 'labels', { kind: 'block', lines });
}

/** A setting of the values, and else what is there. */
function instead(setting: string, template: string, own: Node): Node {
  const node = inline(template.replace('NAME', setting));
  return { kind: 'choice', options: [{ when: `hasKey $.Values.settings "${setting}"`, node }], otherwise: own };
}

/** An entry, if there is something in that value. */
function block(key: string, value: string): Node {
  const lines = (indent: number) => {
    const pad = ' '.repeat(indent);
    return [`{{- with ${value} }}`, `${pad}${key}:`, `${pad}  {{- toYaml . | nindent ${indent + 2} }}`, '{{- end }}'];
  };
  return { kind: 'block', lines };
}

function line(key: string, value: string): Node {
  const lines = (indent: number) => [
    `{{- with ${value} }}`,
    `${' '.repeat(indent)}${key}: {{ . | quote }}`,
    '{{- end }}',
  ];
  return { kind: 'block', lines };
}

/** More entries or items of what is there. */
function items(value: string): Node {
  const lines = (indent: number) => [
    `{{- with ${value} }}`,
    `${' '.repeat(indent)}{{- toYaml . | nindent ${indent} }}`,
    '{{- end }}',
  ];
  return { kind: 'block', lines };
}

/** At the end of a map or list. One that is there only under conditions gets them at each of its places. */
function addTo(parent: Node, key: string, more: Node): void {
  const own = entryOf(parent, key);
  if (own === undefined) {
    setEntry(parent, key, alone(key, more));
  } else if (own.kind === 'choice') {
    const options = own.options.map(({ when, node }) => ({ when, node: node && withMore(node, more) }));
    const otherwise = own.otherwise === undefined ? undefined : withMore(own.otherwise, more);
    // The key is there for what is added, too.
    setEntry(parent, key, { kind: 'choice', options, otherwise: otherwise ?? alone(key, more) });
  } else {
    setEntry(parent, key, withMore(own, more));
  }
}

function withMore(own: Node, more: Node): Node {
  if (own.kind === 'map') return { kind: 'map', entries: [...own.entries, ['', more]] };
  if (own.kind === 'list') return { kind: 'list', items: [...own.items, more] };
  throw new Error(`nothing can be added to a ${own.kind}`);
}

/** The same lines below a key of their own, where there is nothing else. */
function alone(key: string, more: Node): Node {
  if (more.kind !== 'block') throw new Error('only lines are added');
  const lines = (indent: number) => {
    const [first = '', ...rest] = more.lines(indent + 2);
    return first.startsWith('{{- with')
      ? [first, `${' '.repeat(indent)}${key}:`, ...rest]
      : [`${' '.repeat(indent)}${key}:`, first, ...rest];
  };
  return { kind: 'block', lines };
}

function nameOf(item: Node): string {
  if (item.kind !== 'choice') return String(plainOf(nodeAt(item, 'name')));
  const [node] = [...item.options.map((option) => option.node), item.otherwise].filter((one) => one !== undefined);
  if (node === undefined) throw new Error('an item without a name');
  return nameOf(node);
}
