/** One environment variable: what it means without being set, and how `--help` describes it. */
export interface Setting {
  readonly name: string;
  readonly fallback: string;
  readonly help: string;
}

export const DEFAULT_DRAIN_TAINTS = [
  'node.kubernetes.io/unschedulable',
  'ToBeDeletedByClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'medik8s.io/drain',
  'aws-node-termination-handler/',
];

/** In the order of the README's table, which a test compares with this one. */
export const SETTINGS: readonly Setting[] = [
  { name: 'POD_LABEL_SELECTOR_KEY', fallback: 'app', help: 'label key of the pods to protect' },
  { name: 'POD_LABEL_SELECTOR_VALUE', fallback: 'couchbase', help: 'label value of the pods to protect' },
  { name: 'POD_LABEL_SELECTOR', fallback: '', help: 'a full label selector, instead of key and value' },
  {
    name: 'RESCHEDULE_ANNOTATION_KEY',
    fallback: 'cao.couchbase.com/reschedule',
    help: 'annotation that asks the operator to move a pod',
  },
  { name: 'RESCHEDULE_ANNOTATION_VALUE', fallback: 'true', help: 'its value' },
  {
    name: 'TRACK_RESCHEDULED_PODS',
    fallback: 'true',
    help: 'write tracking entries: true or false (the older TRACK_RESCHEULED_PODS works too)',
  },
  {
    name: 'TRACKING_RESOURCE_TYPE',
    fallback: 'couchbasecluster',
    help: 'where entries are kept: couchbasecluster or namespace',
  },
  { name: 'TRACKING_RETENTION', fallback: '15m', help: 'how long an entry stays after its pod has settled' },
  {
    name: 'REPLACEMENT_CONDITION',
    fallback: 'scheduled',
    help: 'when a pod that came back under its name lets the drain end: scheduled or ready',
  },
  { name: 'STALL_AFTER', fallback: '15m', help: 'after this a marked pod that has not moved is reported' },
  {
    name: 'DRAIN_TAINTS',
    fallback: DEFAULT_DRAIN_TAINTS.join(','),
    help: 'taint keys that say a node is being drained; one that ends in / is a prefix',
  },
  { name: 'EXEMPT_USERS', fallback: '', help: 'user names whose evictions are let through, separated by commas' },
  {
    name: 'CERTIFICATES',
    fallback: 'files',
    help: 'self: the hook makes its certificates and keeps the caBundle of its registration; files: it reads them',
  },
  {
    name: 'TLS_CERT_FILE',
    fallback: '/etc/webhook/certs/tls.crt',
    help: 'files: serving certificate, PEM; reloaded when it changes',
  },
  { name: 'TLS_KEY_FILE', fallback: '/etc/webhook/certs/tls.key', help: 'files: its key, PEM' },
  { name: 'SERVICE_NAME', fallback: 'reschedule-hook-server', help: 'self: the Service by which it is called' },
  { name: 'POD_NAMESPACE', fallback: '', help: "self: the namespace of the Service and the Secret; the pod's own" },
  { name: 'CA_SECRET', fallback: 'reschedule-hook-ca', help: 'self: the Secret that keeps the authority' },
  {
    name: 'WEBHOOK_CONFIGURATION',
    fallback: 'reschedule-hook',
    help: 'self: the ValidatingWebhookConfiguration whose caBundle is kept',
  },
  {
    name: 'CERTIFICATE_LIFETIME',
    fallback: '168h',
    help: 'self: of a serving certificate, which is renewed after half of it',
  },
  {
    name: 'CA_LIFETIME',
    fallback: '8760h',
    help: 'self: of the authority, which is renewed when a third of it is left',
  },
  {
    name: 'CLIENT_CA_FILE',
    fallback: '',
    help: 'authorities, PEM: only clients with a certificate of theirs may ask; reloaded when it changes',
  },
  {
    name: 'CLIENT_NAMES',
    fallback: '',
    help: 'of those, only the ones with such a common name or DNS name, separated by commas',
  },
  { name: 'BIND_ADDRESS', fallback: '', help: 'address to listen on; every address if empty' },
  { name: 'WEBHOOK_PORT', fallback: '8443', help: 'HTTPS port of the webhook; 0 picks a free one' },
  { name: 'HEALTH_PORT', fallback: '8080', help: 'HTTP port of health and metrics; 0 picks a free one' },
  { name: 'SHUTDOWN_DELAY', fallback: '5s', help: 'how long to keep serving, unready, after SIGTERM' },
  { name: 'LOG_LEVEL', fallback: 'info', help: 'debug, info, warn or error' },
  { name: 'LOG_FORMAT', fallback: 'text', help: 'text or json' },
];

/** The settings as text, for `--help`. */
export function describeSettings(): string {
  return SETTINGS.map(
    ({ name, fallback, help }) => `  ${name}\n      ${help}${fallback === '' ? '' : ` (${fallback})`}`,
  ).join('\n');
}
