/** The command line of each component: what is set, and why it differs from a cluster that serves somebody. */
import { join } from 'node:path';
import type { Pki } from './pki.ts';

/** Nodes with this label are KWOK's; a node that loses it is no longer heard of and turns NotReady. */
export const managedNodeLabel = { key: 'type', value: 'kwok' } as const;

const stagesFile = join(import.meta.dirname, 'tools', 'kwok', 'stages.yaml');

export function etcdArgs(dir: string, clientUrl: string): string[] {
  return [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    // A single member has no peers; port 0 keeps it off the well-known one.
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerArgs(dir: string, port: number, etcdUrl: string, pki: Pki): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${dir}`,
    `--tls-cert-file=${pki.files.servingCert}`,
    `--tls-private-key-file=${pki.files.servingKey}`,
    `--token-auth-file=${pki.files.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.files.serviceAccountKey}`,
    `--service-account-signing-key-file=${pki.files.serviceAccountKey}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // The address goes into the Endpoints of the service "kubernetes", which may not hold a loopback address and
    // which no pod here will ever dial (TEST-NET-1). No reconciler: it would delay the end for nothing.
    '--advertise-address=192.0.2.1',
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
    '--profiling=false',
  ];
}

export function schedulerArgs(configFile: string): string[] {
  // No HTTP server: its health shows in pods getting nodes, and its end is noticed by the supervisor.
  return [`--config=${configFile}`, '--secure-port=0'];
}

/** The scheduler takes its back-off from a file only. */
export function schedulerConfig(kubeconfig: string): string {
  return JSON.stringify({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    clientConnection: { kubeconfig, qps: 200, burst: 400 },
    leaderElection: { leaderElect: false },
    // A pod that found no room is tried again soon after a node is uncordoned.
    podInitialBackoffSeconds: 1,
    podMaxBackoffSeconds: 2,
  });
}

export function controllerManagerArgs(kubeconfig: string, pki: Pki): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    '--secure-port=0',
    '--leader-elect=false',
    // Each controller is its own service account, as in real clusters: a webhook sees those names.
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${pki.files.serviceAccountKey}`,
    `--root-ca-file=${pki.files.ca}`,
    // How often node health is looked at; the not-ready taint of a new node goes at such a moment.
    '--node-monitor-period=1s',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
}

export function kwokArgs(kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--config=${stagesFile}`,
    `--manage-nodes-with-label-selector=${managedNodeLabel.key}=${managedNodeLabel.value}`,
    // KWOK renews each node's lease every quarter of this, which is what keeps the node Ready.
    '--node-lease-duration-seconds=40',
    '--node-ip=127.0.0.1',
    '--cidr=10.244.0.0/16',
    // No --server-address and no node port: KWOK then serves nothing (the default address would be 0.0.0.0).
  ];
}
