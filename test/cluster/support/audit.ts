import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_NAMESPACE } from './manifests.ts';

/** The API server's own record of what the ServiceAccounts of a namespace asked for; by default the hook's. */
export interface Audit {
  readonly apiServerArgs: readonly string[];
  /** Each once, sorted: `patch pods`, `list couchbaseclusters.couchbase.com`. */
  seen(): string[];
  remove(): void;
}

interface AuditEvent {
  readonly verb: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly apiGroup?: string };
}

export function anAudit(namespace = SYSTEM_NAMESPACE): Audit {
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-audit-'));
  const policy = join(dir, 'policy.yaml');
  const log = join(dir, 'audit.log');
  const rules = [{ level: 'Metadata', userGroups: [`system:serviceaccounts:${namespace}`] }, { level: 'None' }];
  const omitStages = ['RequestReceived'];
  writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules }));
  return {
    apiServerArgs: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`],
    seen() {
      const events = readFileSync(log, 'utf-8').split('\n').filter(Boolean);
      return [...new Set(events.map((line) => nameOf(JSON.parse(line) as AuditEvent)))].sort();
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function nameOf({ verb, objectRef = {} }: AuditEvent): string {
  const { resource = '', subresource, apiGroup } = objectRef;
  return `${verb} ${resource}${apiGroup ? `.${apiGroup}` : ''}${subresource ? `/${subresource}` : ''}`;
}
