/** A pod as an operator makes it and a kubelet reports on it; `@word@` stands for what varies. */
export function samplePod() {
  const container = (name: string) => ({
    name,
    image: `registry.example/couchbase/${name}:7.6.4`,
    ports: [8091, 8092, 8093, 11210].map((containerPort) => ({
      name: `p-${containerPort}`,
      containerPort,
      protocol: 'TCP',
    })),
    env: [
      { name: 'NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
      { name: 'CLUSTER', value: '@cluster@' },
    ],
    resources: { limits: { memory: '16Gi' }, requests: { cpu: '4', memory: '16Gi' } },
    volumeMounts: [
      { name: 'data', mountPath: '/opt/couchbase/var/lib/couchbase', subPath: 'default' },
      { name: 'tls', mountPath: '/opt/couchbase/var/lib/couchbase/inbox', readOnly: true },
    ],
    readinessProbe: { tcpSocket: { port: 8091 }, timeoutSeconds: 5, periodSeconds: 20, failureThreshold: 1 },
    imagePullPolicy: 'IfNotPresent',
    securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
  });
  const status = (name: string) => ({
    name,
    state: { running: { startedAt: '2026-10-01T10:00:20Z' } },
    lastState: {},
    ready: true,
    restartCount: 0,
    image: `registry.example/couchbase/${name}:7.6.4`,
    imageID: `registry.example/couchbase/${name}@sha256:${'cd34'.repeat(16)}`,
    containerID: `containerd://${'ef56'.repeat(16)}`,
    started: true,
  });
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: '@name@',
      namespace: '@namespace@',
      uid: '@uid@',
      resourceVersion: '@version@',
      creationTimestamp: '2026-10-01T10:00:00Z',
      labels: {
        app: '@app@',
        couchbase_cluster: '@cluster@',
        couchbase_node: '@name@',
        couchbase_node_conf: 'all',
        couchbase_server: 'true',
        couchbase_service_data: 'enabled',
        couchbase_service_index: 'enabled',
      },
      annotations: {
        'operator.couchbase.com/version': '2.8.0',
        'pod.couchbase.com/spec': '0123456789abcdef'.repeat(4),
        'server.couchbase.com/version': '7.6.4',
      },
      ownerReferences: [
        {
          apiVersion: 'couchbase.com/v2',
          kind: 'CouchbaseCluster',
          name: '@cluster@',
          uid: '00000003-0000-4000-8000-000000000000',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        {
          manager: 'couchbase-operator',
          operation: 'Update',
          apiVersion: 'v1',
          time: '2026-10-01T10:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: operatorFields(),
        },
        {
          manager: 'kubelet',
          operation: 'Update',
          apiVersion: 'v1',
          time: '@at@',
          fieldsType: 'FieldsV1',
          subresource: 'status',
          fieldsV1: kubeletFields(),
        },
      ],
    },
    spec: {
      nodeName: '@node@',
      hostname: '@name@',
      subdomain: '@cluster@',
      serviceAccountName: 'couchbase',
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 30,
      containers: [container('couchbase-server')],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: '@name@-default-00' } },
        { name: 'tls', secret: { secretName: 'couchbase-server-tls', defaultMode: 420 } },
      ],
      tolerations: ['not-ready', 'unreachable'].map((what) => ({
        key: `node.kubernetes.io/${what}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      priority: 0,
      schedulerName: 'default-scheduler',
    },
    status: {
      phase: 'Running',
      conditions: ['Initialized', 'ContainersReady', 'PodScheduled']
        .map((type) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: '2026-10-01T10:00:20Z' }))
        .concat([{ type: 'Ready', status: '@ready@', lastProbeTime: null, lastTransitionTime: '@at@' }]),
      hostIP: '10.1.0.1',
      podIP: '10.2.0.1',
      podIPs: [{ ip: '10.2.0.1' }],
      startTime: '2026-10-01T10:00:01Z',
      qosClass: 'Burstable',
      containerStatuses: [status('couchbase-server')],
    },
  };
}

function all(names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
}

function operatorFields(): object {
  const container = {
    '.': {},
    ...all(['image', 'imagePullPolicy', 'name', 'resources', 'readinessProbe', 'securityContext', 'volumeMounts']),
    'f:ports': {
      '.': {},
      'k:{"containerPort":8091,"protocol":"TCP"}': { '.': {}, ...all(['containerPort', 'name', 'protocol']) },
    },
  };
  return {
    'f:metadata': {
      'f:annotations': {
        '.': {},
        ...all(['operator.couchbase.com/version', 'pod.couchbase.com/spec', 'server.couchbase.com/version']),
      },
      'f:labels': {
        '.': {},
        ...all(['app', 'couchbase_cluster', 'couchbase_node', 'couchbase_node_conf', 'couchbase_server']),
      },
      'f:ownerReferences': { '.': {}, 'k:{"uid":"00000003-0000-4000-8000-000000000000"}': {} },
    },
    'f:spec': {
      'f:containers': { 'k:{"name":"couchbase-server"}': container },
      ...all(['hostname', 'restartPolicy', 'schedulerName', 'subdomain', 'terminationGracePeriodSeconds']),
    },
  };
}

function kubeletFields(): object {
  const condition = { '.': {}, ...all(['lastProbeTime', 'lastTransitionTime', 'status', 'type']) };
  return {
    'f:status': {
      'f:conditions': {
        'k:{"type":"ContainersReady"}': condition,
        'k:{"type":"Initialized"}': condition,
        'k:{"type":"Ready"}': condition,
      },
      ...all(['containerStatuses', 'hostIP', 'phase', 'podIP', 'podIPs', 'startTime']),
    },
  };
}
