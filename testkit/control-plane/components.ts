/** The command line of each component, and why its flags differ from a production cluster. */
import { join } from 'node:path';
import type { Pki } from './pki.ts';

/** KWOK manages nodes with this label. A node that loses it sends no more heartbeats and turns NotReady. */
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
    // The API server writes this address into the Endpoints of the service "kubernetes", which must not contain a
    // loopback address. No pod here ever connects to it (TEST-NET-1). There is no reconciler, because it would delay
    // the end.
    '--advertise-address=192.0.2.1',
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
    '--profiling=false',
  ];
}

export function schedulerArgs(configFile: string): string[] {
  // No HTTP server. Pods that get nodes show its health, and the supervisor notices its end.
  return [`--config=${configFile}`, '--secure-port=0'];
}

/** The scheduler reads its back-off only from a file. */
export function schedulerConfig(kubeconfig: string): string {
  return JSON.stringify({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    clientConnection: { kubeconfig, qps: 200, burst: 400 },
    leaderElection: { leaderElect: false },
    // The scheduler soon retries a pod without a node after an uncordon.
    podInitialBackoffSeconds: 1,
    podMaxBackoffSeconds: 2,
  });
}

export function controllerManagerArgs(kubeconfig: string, pki: Pki): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    '--secure-port=0',
    '--leader-elect=false',
    // Each controller uses its own service account, as in real clusters, so a webhook gets those names.
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${pki.files.serviceAccountKey}`,
    `--root-ca-file=${pki.files.ca}`,
    // The interval of the node health check, which also removes the not-ready taint of a new node.
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
    // KWOK renews each node's lease after a quarter of this time, which keeps the node Ready.
    '--node-lease-duration-seconds=40',
    '--node-ip=127.0.0.1',
    '--cidr=10.244.0.0/16',
    // Without --server-address and a node port KWOK serves nothing. The default address would be 0.0.0.0.
  ];
}
