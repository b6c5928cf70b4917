import { stringify } from 'yaml';
import { SETTINGS, type Setting } from '../../src/config/settings.ts';
import type { Conditions } from './conditions.ts';
import type { Json } from './tree.ts';

/** A value of the chart, for values.yaml, its schema and its README. */
export interface Value {
  readonly key: string;
  readonly fallback: Json;
  readonly about: string;
  readonly schema: Json;
}

/** Settings that follow from other values, or from where the chart is installed. */
export const BY_THE_CHART: readonly string[] = [
  'CA_SECRET',
  'CERTIFICATES',
  'POD_NAME',
  'POD_NAMESPACE',
  'PROFILES_FILE',
  'SERVICE_NAME',
  'TRACKING_ALSO_READ',
  'TRACKING_RESOURCE_TYPE',
  'TRACK_RESCHEDULED_PODS',
  'WEBHOOK_CONFIGURATION',
];
const SETTABLE: readonly Setting[] = SETTINGS.filter(({ name }) => !BY_THE_CHART.includes(name));
const TEXT = ['string', 'number', 'boolean'];
const list = (type: string) => ({ type: 'array', items: { type } });

/** What the Deployment of config says of a pod, which values can replace. */
export interface FromDeployment {
  readonly replicas: Json;
  readonly pullPolicy: Json;
  readonly priorityClassName: Json;
  readonly terminationGracePeriodSeconds: Json;
  readonly resources: Json;
  readonly tolerations: Json;
  readonly topologySpreadConstraints: Json;
  /** Settings that it has, by name. */
  readonly settings: Readonly<Record<string, string>>;
}

/** All values, in the order of values.yaml. `repository`: of the image. */
export function valuesOf({ switches, selections }: Conditions, own: FromDeployment, repository: string): Value[] {
  return [
    {
      key: 'image',
      fallback: { repository, tag: '', digest: '', pullPolicy: own.pullPolicy },
      about: 'The image. An empty `tag` is the version of the chart; `digest` (`sha256:...`) counts more than `tag`',
      schema: {
        type: 'object',
        additionalProperties: false,
        properties: {
          repository: { type: 'string', minLength: 1 },
          tag: { type: 'string' },
          digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
          pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
        },
      },
    },
    value('imagePullSecrets', [], 'Secrets with which the image is pulled: `[{name: ...}]`', list('object')),
    value('settings', {}, 'Settings of the hook by the names of docs/configuration.md', settingsSchema(own.settings)),
    value(
      'marks',
      [],
      'The annotations of marks that profiles of `profilesFile` bring; those of built-in profiles are known',
      // It becomes a text in an expression of the admission policy.
      { type: 'array', items: { type: 'string', pattern: '^[A-Za-z0-9][-A-Za-z0-9_./]*$' } },
    ),
    ...selections.map(({ key, options }) => ({
      key,
      fallback: options[0]?.name ?? '',
      about: options.map(({ name, about }) => `\`${name}\`: ${about}`).join('. '),
      schema: { enum: options.map(({ name }) => name) },
    })),
    value(
      'certificateSecret',
      'reschedule-hook-tls',
      'The Secret with `tls.crt`, `tls.key` and `ca.crt`, unless `certificates` is `self`',
      {
        type: 'string',
        minLength: 1,
      },
    ),
    ...switches.map(({ key, isOn, about }) => value(key, isOn, about, { type: 'boolean' })),
    value('monitorLabels', {}, 'Labels of what `prometheus` adds, by which a Prometheus finds it', texts()),
    value(
      'waitForRegistration',
      false,
      'A Job after install and upgrade ends when the hook has filled its registration',
      {
        type: 'boolean',
      },
    ),
    value(
      'uninstallHook',
      true,
      'A hook of Helm by which `helm uninstall` deletes the registration first. With Argo CD set it to false: it would take the hook for the registration, which no sync then creates',
      {
        type: 'boolean',
      },
    ),
    value('replicas', own.replicas, 'How many replicas there are. Each answers', { type: 'integer', minimum: 1 }),
    value('resources', own.resources, 'What a replica may use', { type: 'object' }),
    value(
      'priorityClassName',
      own.priorityClassName,
      'The priority of the replicas, and of the quota for it. Without one there is no quota',
      {
        type: 'string',
      },
    ),
    value(
      'terminationGracePeriodSeconds',
      own.terminationGracePeriodSeconds,
      'At least `SHUTDOWN_DELAY`, and 15 seconds more',
      { type: 'integer', minimum: 1 },
    ),
    value('nodeSelector', {}, 'Nodes of the replicas', texts()),
    value('tolerations', own.tolerations, 'Taints that replicas tolerate', list('object')),
    value('affinity', {}, 'Affinities of the replicas', { type: 'object' }),
    value('topologySpreadConstraints', own.topologySpreadConstraints, 'How replicas are spread', list('object')),
    value('podAnnotations', {}, 'Annotations of the replicas, beside those of the chart', texts()),
    value('podLabels', {}, 'Labels of the replicas, beside those of the chart', texts()),
    value(
      'extraEnv',
      [],
      'Variables for the container that are no settings: `[{name: ..., value: ...}]`',
      list('object'),
    ),
    value('extraVolumes', [], 'Volumes of the replicas, for `CLIENT_CA_FILE` above all', list('object')),
    value('extraVolumeMounts', [], 'Where they are mounted', list('object')),
  ];
}

export function schemaOf(values: readonly Value[]): Json {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    properties: {
      // A chart that has this one as a part may pass values to all.
      global: { type: 'object' },
      ...Object.fromEntries(
        values.map(({ key, about, schema }) => [key, { description: about, ...(schema as object) }]),
      ),
    },
  };
}

/** values.yaml: each value below what it is about, and every setting as a comment. */
export function valuesFile(values: readonly Value[], own: FromDeployment['settings'], header: string): string {
  const parts = values.map(({ key, fallback, about }) => {
    const comment = `# ${about}.`;
    const text = stringify({ [key]: fallback }, { lineWidth: 0 });
    return key === 'settings' ? `${comment}\n${text}${settingLines(own)}` : `${comment}\n${text}`;
  });
  return `${header}\n${parts.join('\n')}`;
}

/** The rows of the README's tables. */
export function rowsOf(values: readonly Value[]): string {
  return values
    .map(({ key, fallback, about }) => {
      const shown = fallback === '' ? '–' : `\`${JSON.stringify(fallback).replace(/^"(.*)"$/, '$1')}\``;
      const text = about.replaceAll('|', '\\|');
      return `| \`${key}\` | ${shown.length > 60 ? 'see values.yaml' : shown} | ${text} |`;
    })
    .join('\n');
}

export const settingRows = (own: FromDeployment['settings']) =>
  SETTABLE.map(({ name, fallback: byItself, help }) => {
    const fallback = own[name] ?? byItself;
    return `| \`${name}\` | ${fallback === '' ? '–' : `\`${fallback}\``} | ${help} |`;
  }).join('\n');

function settingLines(own: FromDeployment['settings']): string {
  return SETTABLE.map(
    ({ name, fallback, help }) => `#  # ${help}\n#  ${name}: ${JSON.stringify(own[name] ?? fallback)}\n`,
  ).join('');
}

/** An unknown one is refused; the value is text for the hook, however it is written. */
function settingsSchema(own: FromDeployment['settings']): Json {
  const properties = SETTABLE.map(({ name, fallback: byItself, help }) => {
    const fallback = own[name] ?? byItself;
    return [name, { type: TEXT, description: help, ...(fallback === '' ? {} : { default: fallback }) }];
  });
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function texts(): Json {
  return { type: 'object', additionalProperties: { type: 'string' } };
}

function value(key: string, fallback: Json, about: string, schema: Json): Value {
  return { key, fallback, about, schema };
}
