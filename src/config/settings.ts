import { DNS_LABEL, LABEL_KEY, LABEL_VALUE, OBJECT_NAME } from '../policy/names.ts';
import { TRACKING_TYPES } from '../policy/tracking/index.ts';
import * as parse from './parsers.ts';

/** One environment variable: its default, its text in `--help`, and its parser. */
export interface Setting {
  readonly name: string;
  /** The property that holds its value. */
  readonly key: string;
  /** The text that counts when the variable is not set or empty. */
  readonly fallback: string;
  readonly help: string;
  /** Throws an Error whose message continues a sentence that begins with the setting's name. */
  readonly parse: (text: string) => unknown;
  /** An earlier name of the variable, which counts if only that one is set. */
  readonly earlierName?: string;
}

export const DEFAULT_DRAIN_TAINTS = [
  'node.kubernetes.io/unschedulable',
  'ToBeDeletedByClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'medik8s.io/drain',
  'aws-node-termination-handler/',
  'eks.amazonaws.com/nodegroup=unschedulable:NoSchedule',
];

/** Every setting, in the order of the table in docs/configuration.md. A test compares the two. */
export const SETTINGS = [
  {
    name: 'PROFILES',
    key: 'profileNames',
    fallback: '',
    help: 'profiles of operators, separated by commas: built-in ones (see the command profiles) or those of PROFILES_FILE',
    parse: parse.optional(parse.profileNames, []),
  },
  {
    name: 'PROFILES_FILE',
    key: 'profilesFile',
    fallback: '',
    help: 'YAML with more profiles, or other fields of built-in ones; all of them count where PROFILES names none',
    parse: parse.asGiven,
  },
  {
    name: 'POD_LABEL_SELECTOR_KEY',
    key: 'selectorKey',
    fallback: 'app',
    help: 'label key of the pods to protect',
    parse: parse.matching(LABEL_KEY, 'a label key'),
  },
  {
    name: 'POD_LABEL_SELECTOR_VALUE',
    key: 'selectorValue',
    fallback: 'couchbase',
    help: 'label value of the pods to protect',
    parse: parse.matching(LABEL_VALUE, 'a label value'),
  },
  {
    name: 'POD_LABEL_SELECTOR',
    key: 'fullSelector',
    fallback: '',
    help: 'a full label selector, instead of key and value',
    parse: parse.optional(parse.selector, undefined),
  },
  {
    name: 'RESCHEDULE_ANNOTATION_KEY',
    key: 'annotationKey',
    fallback: 'cao.couchbase.com/reschedule',
    help: 'annotation that asks the operator to move a pod',
    parse: parse.matching(LABEL_KEY, 'an annotation key'),
  },
  {
    name: 'RESCHEDULE_ANNOTATION_VALUE',
    key: 'annotationValue',
    fallback: 'true',
    help: 'its value',
    parse: parse.markValue,
  },
  {
    name: 'TRACK_RESCHEDULED_PODS',
    key: 'isTracking',
    fallback: 'true',
    help: 'write tracking entries: true or false (the older TRACK_RESCHEULED_PODS works too)',
    parse: parse.boolean,
    earlierName: 'TRACK_RESCHEULED_PODS',
  },
  {
    name: 'TRACKING_RESOURCE_TYPE',
    key: 'trackingType',
    fallback: 'couchbasecluster',
    help: 'where entries are kept: couchbasecluster, namespace or configmap',
    parse: parse.oneOf(...TRACKING_TYPES),
  },
  {
    name: 'TRACKING_ALSO_READ',
    key: 'trackingAlsoRead',
    fallback: '',
    help: 'where else entries are read and pruned, while you change the type: types separated by commas',
    parse: parse.optional(parse.someOf(...TRACKING_TYPES), []),
  },
  {
    name: 'TRACKING_RETENTION',
    key: 'retentionMs',
    fallback: '15m',
    help: 'how long an entry stays after its pod has settled',
    parse: parse.retention,
  },
  {
    name: 'REPLACEMENT_CONDITION',
    key: 'replacementCondition',
    fallback: 'scheduled',
    help: 'when the drain of a marked pod ends: its replacement is scheduled or ready, or the pod has left its node',
    parse: parse.oneOf('scheduled', 'ready', 'left'),
  },
  {
    name: 'MARK_WHEN',
    key: 'markWhen',
    fallback: 'always',
    help: 'when an eviction may mark a pod: always, or only while its node is draining',
    parse: parse.oneOf('always', 'draining'),
  },
  {
    name: 'STALL_AFTER',
    key: 'stallAfterMs',
    fallback: '15m',
    help: 'after this a marked pod that has not moved is reported',
    parse: parse.stallTime,
  },
  {
    name: 'DRAIN_TAINTS',
    key: 'drainTaints',
    fallback: DEFAULT_DRAIN_TAINTS.join(','),
    help: 'taints that say a node is being drained: key, key:Effect, key=value:Effect, or prefix/',
    parse: parse.taints,
  },
  {
    name: 'DRAIN_CONDITIONS',
    key: 'drainConditions',
    // None: an upgrade of the hook must not change which nodes count as draining.
    fallback: '',
    help: 'types of node conditions that, while True, say a node is being drained, separated by commas, such as DrainInProgress',
    parse: parse.optional(parse.nodeConditions, []),
  },
  {
    name: 'EXEMPT_USERS',
    key: 'exemptUsers',
    fallback: '',
    help: 'user names whose evictions are let through, separated by commas',
    parse: parse.optional(parse.userNames, []),
  },
  {
    name: 'POLICY_ANNOTATIONS',
    key: 'readsNamespacePolicy',
    fallback: 'false',
    help: 'read reschedule.hook/policy of Namespaces, too, beside that of pods and tracking resources: true or false',
    parse: parse.boolean,
  },
  {
    name: 'CERTIFICATES',
    key: 'certificates',
    fallback: 'files',
    help: 'self: the hook makes its certificates by an authority of its own; files: it reads them',
    parse: parse.oneOf('files', 'self'),
  },
  {
    name: 'TLS_CERT_FILE',
    key: 'tlsCertFile',
    fallback: '/etc/webhook/certs/tls.crt',
    help: 'files: serving certificate, PEM; reloaded when it changes',
    parse: parse.asGiven,
  },
  {
    name: 'TLS_KEY_FILE',
    key: 'tlsKeyFile',
    fallback: '/etc/webhook/certs/tls.key',
    help: 'files: its key, PEM',
    parse: parse.asGiven,
  },
  {
    name: 'TLS_CA_FILE',
    // Beside the certificate: the key under which a Secret of cert-manager has it.
    key: 'tlsCaFile',
    fallback: '',
    help: 'files: the authorities that verify the certificate, PEM; ca.crt beside it if empty',
    parse: parse.asGiven,
  },
  {
    name: 'REGISTRATION',
    // Empty: managed in a cluster or with CERTIFICATES=self, else external.
    key: 'registration',
    fallback: '',
    help: 'managed: the hook fills its registration and keeps it right; external: it never writes it; in a cluster managed',
    parse: parse.optional(parse.oneOf('managed', 'external'), undefined),
  },
  {
    name: 'PROTECT_NAMESPACES',
    key: 'protectNamespaces',
    fallback: 'all',
    help: 'managed: whose evictions the hook is asked about: all but kube-system and its own, used (only those with protected pods), or a label selector',
    parse: parse.namespaces,
  },
  {
    name: 'FAILURE_POLICY',
    key: 'failurePolicy',
    fallback: 'Fail',
    help: 'managed: what becomes of evictions while no replica answers: Fail holds them up, Ignore evicts protected pods',
    parse: parse.oneOf('Fail', 'Ignore'),
  },
  {
    name: 'SERVICE_NAME',
    key: 'serviceName',
    fallback: 'reschedule-hook-server',
    help: 'managed: the Service by which it is called',
    parse: parse.matching(DNS_LABEL, 'the name of a Service'),
  },
  {
    name: 'SERVICE_PORT',
    key: 'servicePort',
    fallback: '443',
    help: 'managed: the port of that Service',
    parse: parse.servicePort,
  },
  {
    name: 'POD_NAMESPACE',
    // Empty if it is not set. A pod finds its namespace beside its token.
    key: 'podNamespace',
    fallback: '',
    help: "the namespace of the hook, for managed and for entries in ConfigMaps; the pod's own",
    parse: parse.optional(parse.matching(DNS_LABEL, 'a namespace'), ''),
  },
  {
    name: 'POD_NAME',
    // Empty: the host name, which is the pod's name but on a host network.
    key: 'podName',
    fallback: '',
    help: 'managed: the name of the pod; the host name if empty',
    parse: parse.optional(parse.matching(OBJECT_NAME, 'the name of a pod'), ''),
  },
  {
    name: 'CA_SECRET',
    key: 'caSecret',
    fallback: 'reschedule-hook-ca',
    help: 'self: the Secret that keeps the authority',
    parse: parse.matching(OBJECT_NAME, 'the name of a Secret'),
  },
  {
    name: 'WEBHOOK_CONFIGURATION',
    key: 'webhookConfiguration',
    fallback: 'reschedule-hook',
    help: 'the ValidatingWebhookConfiguration of this installation, which its entries name; managed: the one that it fills',
    parse: parse.matching(OBJECT_NAME, 'a name'),
  },
  {
    name: 'CERTIFICATE_LIFETIME',
    key: 'certificateLifetimeMs',
    fallback: '168h',
    help: 'self: of a serving certificate, which is renewed after half of it',
    parse: parse.lifetime,
  },
  {
    name: 'CA_LIFETIME',
    key: 'caLifetimeMs',
    fallback: '8760h',
    help: 'self: of the authority, which is renewed when a third of it is left',
    parse: parse.lifetime,
  },
  {
    name: 'CLIENT_CA_FILE',
    // Empty: the hook asks clients for no certificate.
    key: 'clientCaFile',
    fallback: '',
    help: 'authorities, PEM: only clients with a certificate of theirs may ask; reloaded when it changes',
    parse: parse.asGiven,
  },
  {
    name: 'CLIENT_NAMES',
    key: 'clientNames',
    fallback: '',
    help: 'of those, only the ones with such a common name or DNS name, separated by commas',
    parse: parse.optional(parse.clientNames, []),
  },
  {
    name: 'BIND_ADDRESS',
    key: 'bindAddress',
    fallback: '',
    help: 'address to listen on; every address if empty',
    parse: parse.asGiven,
  },
  {
    name: 'WEBHOOK_PORT',
    key: 'webhookPort',
    fallback: '8443',
    // The first log line has the actual port.
    help: 'HTTPS port of the webhook; 0 picks a free one',
    parse: parse.port,
  },
  {
    name: 'HEALTH_PORT',
    key: 'healthPort',
    fallback: '8080',
    help: 'HTTP port of health and metrics; 0 picks a free one',
    parse: parse.port,
  },
  {
    name: 'SHUTDOWN_DELAY',
    key: 'shutdownDelayMs',
    // Not a multiple of 5 s, after which kubectl asks again: a retry would meet the exit.
    fallback: '8s',
    help: 'how long to keep serving, unready, after SIGTERM',
    parse: parse.shutdownDelay,
  },
  {
    name: 'LOG_LEVEL',
    key: 'logLevel',
    fallback: 'info',
    help: 'debug, info, warn or error',
    parse: parse.oneOf('debug', 'info', 'warn', 'error'),
  },
  {
    name: 'LOG_FORMAT',
    key: 'logFormat',
    fallback: 'text',
    help: 'text or json',
    parse: parse.oneOf('text', 'json'),
  },
] as const satisfies readonly Setting[];

/** The value of each setting by itself; `undefined` for a setting that may be absent. */
export type Values = { readonly [S in (typeof SETTINGS)[number] as S['key']]: ReturnType<S['parse']> };

/** The settings as text, for `--help`. */
export function describeSettings(): string {
  return SETTINGS.map(
    ({ name, fallback, help }) => `  ${name}\n      ${help}${fallback === '' ? '' : ` (${fallback})`}`,
  ).join('\n');
}
