import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_NAMESPACE } from './manifests.ts';

/** The API server's own record of what the ServiceAccounts of a namespace asked for; by default the hook's. */
export interface Audit {
  readonly apiServerArgs: readonly string[];
  /** The annotations of each eviction of a pod of this name, in order. */
  evictionsOf(pod: string): Readonly<Record<string, string>>[];
  /** Each once, sorted: `patch pods`, `list couchbaseclusters.couchbase.com`. */
  seen(): string[];
  remove(): void;
}

interface AuditEvent {
  readonly user?: { readonly groups?: readonly string[] };
  readonly verb: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly objectRef?: {
    readonly name?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
  };
}

export function anAudit(namespace = SYSTEM_NAMESPACE): Audit {
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-audit-'));
  const policy = join(dir, 'policy.yaml');
  const log = join(dir, 'audit.log');
  const evictions = { level: 'Metadata', resources: [{ group: '', resources: ['pods/eviction'] }] };
  const accounts = { level: 'Metadata', userGroups: [`system:serviceaccounts:${namespace}`] };
  const rules = [accounts, evictions, { level: 'None' }];
  const omitStages = ['RequestReceived'];
  writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules }));
  const read = () => {
    const lines = readFileSync(log, 'utf-8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as AuditEvent);
  };
  const isOfAccount = ({ user }: AuditEvent) => user?.groups?.includes(`system:serviceaccounts:${namespace}`) === true;
  return {
    apiServerArgs: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`],
    seen: () => [...new Set(read().filter(isOfAccount).map(nameOf))].sort(),
    evictionsOf: (pod) =>
      read()
        .filter(({ objectRef }) => objectRef?.subresource === 'eviction' && objectRef.name === pod)
        .map(({ annotations = {} }) => annotations),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function nameOf({ verb, objectRef = {} }: AuditEvent): string {
  const { resource = '', subresource, apiGroup } = objectRef;
  return `${verb} ${resource}${apiGroup ? `.${apiGroup}` : ''}${subresource ? `/${subresource}` : ''}`;
}
