import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { untilTrue } from '../../support/until-true.ts';
import { CONFIG, find, type Manifest, SYSTEM_NAMESPACE as NAMESPACE, rendered } from '../support/manifests.ts';

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly dnsPolicy?: string;
  readonly securityContext: { readonly runAsNonRoot?: boolean; readonly runAsUser?: number };
  readonly nodeName?: string;
  readonly tolerations: readonly { readonly key: string; readonly tolerationSeconds?: number }[];
}

/** What of the restricted SCC can be said here: an id that is not of the namespace's own range is refused. */
const SCC = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: 'like-a-restricted-scc' },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    },
    validations: ['runAsUser', 'runAsGroup', 'fsGroup'].map((field) => ({
      expression: `!has(object.spec.securityContext) || object.spec.securityContext.?${field}.orValue(1000680000) >= 1000680000`,
      message: `${field} is not of the range of the namespace`,
    })),
  },
};
const SCC_BINDING = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: 'like-a-restricted-scc' },
  spec: { policyName: 'like-a-restricted-scc', validationActions: ['Deny'] },
};

let plane: ControlPlane;

before(async () => {
  plane = await startControlPlane({ nodes: 3 });
});

after(() => plane?.stop());

const overlay = (name: string) => join(CONFIG, 'overlays', name);

async function ok(args: readonly string[], input?: string) {
  const { code, stdout, stderr } = await plane.kubectl(args, input ? { input } : {});
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
}

/** A Pod as the Deployment of these manifests would have it. */
async function podOf(folder: string): Promise<Manifest & { readonly spec: PodSpec }> {
  const { template } = find(await rendered(plane, folder), 'Deployment').spec as { template: { spec: PodSpec } };
  const metadata = { name: 'like-a-replica', namespace: NAMESPACE };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec };
}

/** What the API server says of a Pod, without making it. */
const admitted = async (folder: string) =>
  await plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input: JSON.stringify(await podOf(folder)) });

async function replicas(): Promise<PodSpec[]> {
  const { stdout } = await ok(['get', 'pods', '-n', NAMESPACE, '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { metadata: object; spec: PodSpec }[] };
  return items.filter(({ metadata }) => !('deletionTimestamp' in metadata)).map(({ spec }) => spec);
}

async function untilRolledOut(): Promise<void> {
  await ok(['rollout', 'status', 'deployment/reschedule-hook-server', '-n', NAMESPACE, '--timeout=240s']);
}

describe('on a host network', () => {
  test('the replicas run in the privileged namespace of the component, each on a node, and are updated', async () => {
    const { stderr } = await ok(['apply', '--server-side', '-k', overlay('host-network')]);
    assert.equal(stderr, '', 'no warning');
    await untilRolledOut();
    for (const restart of [false, true]) {
      if (restart) await ok(['rollout', 'restart', 'deployment/reschedule-hook-server', '-n', NAMESPACE]);
      await untilRolledOut();
      const specs = await replicas();
      assert.equal(new Set(specs.map(({ nodeName }) => nodeName)).size, 2, 'one has the ports of a node');
      assert.ok(specs.every((spec) => spec.hostNetwork && spec.dnsPolicy === 'ClusterFirstWithHostNet'));
    }
  });

  test('a namespace with a stricter pod security refuses them', async () => {
    for (const level of ['baseline', 'restricted']) {
      await ok(['label', '--overwrite', 'namespace', NAMESPACE, `pod-security.kubernetes.io/enforce=${level}`]);
      const { code, stderr } = await admitted(overlay('host-network'));
      assert.equal(code, 1);
      assert.match(
        stderr,
        new RegExp(`violates PodSecurity "${level}:latest": host namespaces \\(hostNetwork=true\\)`),
      );
    }
  });
});

describe('on OpenShift', () => {
  test('the pods bring no ids, are no root, and pass the restricted pod security', async () => {
    await ok(['apply', '-f', '-'], `${JSON.stringify(SCC)}\n---\n${JSON.stringify(SCC_BINDING)}`);
    await ok(['apply', '--server-side', '--force-conflicts', '-k', overlay('openshift')]);
    // A policy counts a moment after it was made.
    await untilTrue('a fixed id to be refused', async () => {
      return /runAsUser is not of the range/.test((await admitted(join(CONFIG, 'default'))).stderr);
    });
    const { code, stderr } = await admitted(overlay('openshift'));
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '', 'no warning of pod security');
    await untilRolledOut();
    for (const { securityContext } of await replicas()) {
      assert.equal(securityContext.runAsUser, undefined);
      assert.equal(securityContext.runAsNonRoot, true);
    }
  });
});

test('a replica of a dead node is replaced after 30 seconds, whatever the default of the cluster', async () => {
  const specs = await replicas();
  assert.equal(specs.length, 2);
  for (const { tolerations } of specs) {
    const seconds = Object.fromEntries(tolerations.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]));
    assert.deepEqual(seconds, { 'node.kubernetes.io/not-ready': 30, 'node.kubernetes.io/unreachable': 30 });
  }
});

test('on AKS the registration says that the enforcer leaves it alone, and stays a shell', async () => {
  const registration = find(await rendered(plane, overlay('aks')), 'ValidatingWebhookConfiguration');
  await ok(['apply', '--server-side', '--force-conflicts', '-k', overlay('aks')]);
  assert.equal(registration.webhooks, undefined);
  const { labels } = registration.metadata as unknown as { labels: Record<string, string> };
  assert.equal(labels['admissions.enforcer/disabled'], 'true');
});
