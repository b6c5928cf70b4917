import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { conditionsOf } from '../../../scripts/chart/conditions.ts';
import { chartFiles } from '../../../scripts/chart/files.ts';
import { type Addition, ROOT, readSources, together } from '../../../scripts/chart/sources.ts';
import { readConfig } from '../../../src/config/config.ts';
import { SETTINGS } from '../../../src/config/settings.ts';
import { parseFlags } from '../../../src/status/flags.ts';
import { ensureAssets } from '../../../testkit/control-plane/assets.ts';
import { ensureHelm, type HelmAssets, runHelm } from '../../../testkit/control-plane/helm.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';

const CHART = join(ROOT, 'charts/reschedule-hook');
/** What Helm's users look for, on every object of the chart. */
const HELM_LABELS = [
  'helm.sh/chart',
  ...['instance', 'version', 'managed-by'].map((one) => `app.kubernetes.io/${one}`),
];

// The parts of manifests that are looked at; a wrong shape fails the test that looks.
// biome-ignore lint/suspicious/noExplicitAny: YAML
type Yaml = any;

let helm: HelmAssets;

before(async () => {
  // The script renders with the kubectl in the PATH.
  process.env.PATH = [dirname((await ensureAssets()).kubectl), process.env.PATH].join(delimiter);
  helm = await ensureHelm();
});

const documents = (text: string): Yaml[] =>
  parseAllDocuments(text)
    .map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS();
    })
    .filter((one) => one !== null);

/** The objects that `helm template` makes. */
async function rendered(values: object, { version = helm.helm3, namespace = SYSTEM_NAMESPACE, release = 'hook' } = {}) {
  const args = ['template', release, CHART, '--namespace', namespace, '--set-json', `global={}`];
  const set = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);
  const { code, stdout, stderr } = await runHelm(version, [...args, ...set]);
  assert.equal(code, 0, stderr);
  return documents(stdout);
}

const find = (objects: readonly Yaml[], kind: string): Yaml => {
  const found = objects.filter((one) => one.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0];
};
const environment = (objects: readonly Yaml[]): Record<string, string> => {
  const [container] = find(objects, 'Deployment').spec.template.spec.containers;
  const names = container.env.map(({ name }: Yaml) => name);
  assert.deepEqual(names, [...new Set(names)], 'each once');
  return Object.fromEntries(container.env.map(({ name, value }: Yaml) => [name, value]));
};

/** The same objects in the same order, without what may differ between the chart and the manifests. */
function comparable(objects: readonly Yaml[]): Yaml[] {
  return objects
    .filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.annotations?.['helm.sh/hook'] === undefined)
    .map((one) => {
      const copy = structuredClone(one);
      for (const label of HELM_LABELS) delete copy.metadata.labels?.[label];
      const { containers = [], volumes } = copy.spec?.template?.spec ?? {};
      for (const list of [volumes, ...containers.flatMap((one: Yaml) => [one.env, one.volumeMounts])])
        list?.sort(byName);
      return copy;
    })
    .sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
}

const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
const idOf = ({ kind, metadata }: Yaml) => `${kind}/${metadata.name}`;

/** The value that a condition of the templates asks for. */
function valueFor(when: string): Record<string, string | boolean> {
  const [, key = '', option] = /^(?:eq )?\$\.Values\.(\w+)(?: "(.+)")?$/.exec(when) ?? [];
  return { [key]: option ?? true };
}

describe('charts/reschedule-hook', () => {
  test('is what npm run chart makes of config and of the settings', () => {
    const made = chartFiles();
    const there = globSync('**/*', { cwd: CHART, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name).slice(CHART.length + 1));
    assert.deepEqual([...there, '.helmignore'].sort(), [...made.keys()].sort());
    for (const [name, text] of made) assert.equal(readFileSync(join(CHART, name), 'utf-8'), text, name);
  });

  test('renders with its defaults what kubectl kustomize config/default does, by both versions of Helm', async () => {
    const { base } = readSources();
    const expected = comparable(base);
    assert.ok(expected.length > 12);
    for (const version of [helm.helm3, helm.helm4]) {
      assert.deepEqual(comparable(await rendered({}, { version })), expected);
    }
  });

  test('renders with a value what each component makes, alone and with others', async () => {
    const { folders, additions } = readSources();
    const conditions = conditionsOf({ folders, additions });
    const whens = new Map(additions.map(({ name }) => [name, conditions.ofAddition(name)]));
    const alternatives = additions.filter(({ name }) => whens.get(name)?.startsWith('eq '));
    const switches = additions.filter(
      ({ name }) => whens.get(name) !== undefined && !alternatives.includes(additionOf(name)),
    );
    function additionOf(name: string): Addition {
      return additions.find((one) => one.name === name) as Addition;
    }
    const tracking = alternatives.filter(({ name }) => name.endsWith('-tracking'));
    const certificates = alternatives.filter((one) => !tracking.includes(one));
    assert.ok(tracking.length >= 2 && certificates.length === 2 && switches.length >= 4);
    // A value for each place at once shows what two of them make of one object.
    const together2 = tracking.map((one, index) => [
      one,
      ...certificates.slice(index % 2, (index % 2) + 1),
      ...switches,
    ]);
    for (const some of [...alternatives.map((one) => [one]), ...switches.map((one) => [one]), ...together2]) {
      const values = Object.assign({}, ...some.map(({ name }) => valueFor(whens.get(name) ?? '')));
      const expected = comparable(together(some.map(({ folder }) => folder)));
      assert.deepEqual(comparable(await rendered(values)), expected, some.map(({ name }) => name).join(', '));
    }
  });

  test('leaves out what a folder of config/default has, by a value', async () => {
    const { folders, additions } = readSources();
    const { switches } = conditionsOf({ folders, additions });
    const all = comparable(await rendered({}));
    for (const { key, isOn } of switches.filter((one) => one.isOn)) {
      const left = comparable(await rendered({ [key]: !isOn })).map(idOf);
      assert.ok(left.length < all.length, key);
    }
    const kinds = (await rendered({ priorityClassName: '' })).map(({ kind }) => kind);
    assert.ok(!kinds.includes('ResourceQuota'));
  });

  test('is about the namespace of the release, whatever both are called', async () => {
    for (const namespace of ['drains', '1234']) {
      const objects = await rendered(
        { certificates: 'cert-manager', prometheus: true },
        { namespace, release: 'other' },
      );
      assert.doesNotMatch(JSON.stringify(objects), new RegExp(SYSTEM_NAMESPACE));
      const isNamed = ({ metadata }: Yaml) => (metadata.namespace ?? metadata.name.split('.').at(-1)) === namespace;
      assert.deepEqual(
        objects.filter((one) => !isNamed(one)),
        [],
      );
      const registrations = objects.filter(({ kind }) => kind === 'ValidatingWebhookConfiguration');
      for (const { metadata, webhooks } of registrations) {
        assert.equal(metadata.labels['reschedule.hook/namespace'], namespace);
        assert.equal(webhooks, undefined);
      }
    }
  });

  test('the shell by which Helm 3 deletes the registration first is the same object', async () => {
    const [own, hook] = (await rendered({})).filter(({ kind }) => kind === 'ValidatingWebhookConfiguration');
    const { annotations, ...metadata } = hook.metadata;
    assert.deepEqual({ ...hook, metadata }, own);
    assert.equal(annotations['helm.sh/hook'], 'pre-delete');
    // An upgrade with --reuse-values has the values of a chart that did not know this one.
    assert.deepEqual(await rendered({ uninstallHook: null }), await rendered({}));
  });

  test('without it each object is there once: Argo CD takes the last of two for the object', async () => {
    const { switches } = conditionsOf(readSources());
    const all = Object.fromEntries(switches.map(({ key }) => [key, true]));
    const values = { ...all, certificates: 'cert-manager', waitForRegistration: true, uninstallHook: false };
    for (const version of [helm.helm3, helm.helm4]) {
      const ids = (await rendered(values, { version })).map((one) => `${one.metadata.namespace} ${idOf(one)}`);
      assert.deepEqual(ids, [...new Set(ids)]);
      assert.ok(ids.includes(`undefined ValidatingWebhookConfiguration/reschedule-hook.${SYSTEM_NAMESPACE}`));
    }
  });
});

describe('values of the chart', () => {
  test('settings: the Deployment has them, and ports follow', async () => {
    const settings = {
      STALL_AFTER: '30m',
      WEBHOOK_PORT: 9443,
      HEALTH_PORT: 9444,
      SERVICE_PORT: 8443,
      SHUTDOWN_DELAY: '12s',
      RESCHEDULE_ANNOTATION_KEY: 'example.com/move',
    };
    const objects = await rendered({ settings });
    const env = environment(objects);
    for (const [name, value] of Object.entries(settings)) assert.equal(env[name], String(value));
    const { spec, metadata } = find(objects, 'Deployment').spec.template;
    assert.deepEqual(
      spec.containers[0].ports.map(({ containerPort }: Yaml) => containerPort),
      [9443, 9444],
    );
    assert.equal(metadata.annotations['prometheus.io/port'], '9444');
    assert.equal(find(objects, 'Service').spec.ports[0].port, 8443);
    const [annotation] = find(objects, 'ValidatingAdmissionPolicy').spec.variables;
    assert.equal(annotation.expression, "['example.com/move']");
  });

  test('profiles: the admission policy knows the marks of built-in ones, and is told those of a file', async () => {
    const marksOf = async (values: Record<string, unknown>) =>
      find(await rendered(values), 'ValidatingAdmissionPolicy').spec.variables[0].expression;
    assert.equal(await marksOf({}), "['cao.couchbase.com/reschedule']");
    assert.equal(
      await marksOf({ settings: { PROFILES: 'strimzi-kafka, couchbase,strimzi-connect,ours' }, marks: ['a/b'] }),
      "['a/b', 'strimzi.io/manual-rolling-update', 'cao.couchbase.com/reschedule']",
    );
    // An upgrade with --reuse-values has the values of a chart that did not know this one.
    const ofBefore = await marksOf({ settings: { PROFILES: 'strimzi-kafka' }, marks: null });
    assert.equal(ofBefore, "['strimzi.io/manual-rolling-update']");
  });

  test('a mark that is no annotation is refused, and never becomes a part of the expression', async () => {
    for (const mark of ["a/b'] + ['c/d", 'a"b', 'a\\b', '']) {
      const set = `marks=${JSON.stringify([mark])}`;
      const { code, stderr } = await runHelm(helm.helm3, ['template', 'hook', CHART, '--set-json', set]);
      assert.notEqual(code, 0, mark);
      assert.match(stderr, /values don't meet the specifications of the schema/);
    }
  });

  test('a file of profiles and certificates from files are mounted beside each other', async () => {
    const objects = await rendered({ profilesFile: true, certificates: 'files' });
    const { volumes, containers } = find(objects, 'Deployment').spec.template.spec;
    const namesOf = (list: Yaml[]) => list.map(({ name }) => name);
    assert.deepEqual(namesOf(volumes), ['certificate', 'profiles']);
    assert.deepEqual(namesOf(containers[0].volumeMounts), ['certificate', 'profiles']);
    assert.equal(environment(objects).PROFILES_FILE, '/etc/reschedule-hook/profiles.yaml');
  });

  test('what the pods are like', async () => {
    const volume = { name: 'clients', secret: { secretName: 'clients' } };
    const mount = { name: 'clients', mountPath: '/clients' };
    const values = {
      image: { repository: 'registry.example.com/hook', digest: `sha256:${'a'.repeat(64)}` },
      imagePullSecrets: [{ name: 'pull' }],
      replicas: 3,
      resources: { requests: { cpu: '1' } },
      nodeSelector: { disk: 'ssd' },
      tolerations: [],
      affinity: { nodeAffinity: {} },
      podAnnotations: { a: 'b' },
      podLabels: { team: 'db' },
      extraEnv: [{ name: 'NODE_OPTIONS', value: '--trace-warnings' }],
      extraVolumes: [volume],
      extraVolumeMounts: [mount],
      terminationGracePeriodSeconds: 60,
    };
    for (const certificates of ['self', 'files']) {
      const objects = await rendered({ ...values, certificates });
      const { replicas, template } = find(objects, 'Deployment').spec;
      const [container] = template.spec.containers;
      assert.equal(replicas, 3);
      assert.equal(container.image, `registry.example.com/hook@sha256:${'a'.repeat(64)}`);
      assert.deepEqual(template.spec.imagePullSecrets, values.imagePullSecrets);
      assert.equal(container.resources.requests.cpu, '1');
      assert.deepEqual(template.spec.nodeSelector, values.nodeSelector);
      assert.equal(template.spec.tolerations, undefined);
      assert.deepEqual(template.spec.affinity, values.affinity);
      assert.equal(template.metadata.annotations.a, 'b');
      assert.equal(template.metadata.labels.team, 'db');
      assert.equal(environment(objects).NODE_OPTIONS, '--trace-warnings');
      assert.deepEqual(template.spec.volumes.at(-1), volume);
      assert.deepEqual(container.volumeMounts.at(-1), mount);
      assert.equal(template.spec.volumes.length, certificates === 'self' ? 1 : 2);
      assert.equal(template.spec.terminationGracePeriodSeconds, 60);
    }
  });

  test('the Job that waits for the registration is no replica, and comes only if it is asked for', async () => {
    assert.ok(!(await rendered({})).some(({ kind }) => kind === 'Job'));
    const objects = await rendered({ waitForRegistration: true });
    const { spec } = find(objects, 'Job');
    const service = find(objects, 'Service').spec.selector;
    assert.notEqual(spec.template.metadata.labels['app.kubernetes.io/name'], service['app.kubernetes.io/name']);
    assert.deepEqual(
      spec.template.spec.securityContext,
      find(objects, 'Deployment').spec.template.spec.securityContext,
    );
    const [{ args, env }] = spec.template.spec.containers;
    const [command, ...flags] = args;
    assert.equal(command, 'status');
    const { waitRegisteredMs = Number.POSITIVE_INFINITY } = parseFlags(flags);
    assert.ok(waitRegisteredMs < spec.activeDeadlineSeconds * 1000, 'it says what was missing before it is ended');
    const { webhookConfiguration } = readConfig(Object.fromEntries(env.map(({ name, value }: Yaml) => [name, value])));
    const registrations = objects.filter(({ kind }) => kind === 'ValidatingWebhookConfiguration');
    for (const { metadata } of registrations) assert.equal(metadata.name, webhookConfiguration);
  });

  test('unknown values and settings are refused, and those that follow from others', async () => {
    for (const version of [helm.helm3, helm.helm4]) {
      for (const wrong of ['settings.STAL_AFTER=30m', 'settings.POD_NAME=me', 'replica=3', 'tracking=somewhere']) {
        const { code, stderr } = await runHelm(version, ['template', 'hook', CHART, '--set', wrong]);
        assert.notEqual(code, 0, wrong);
        assert.match(stderr, /values don't meet the specifications of the schema/);
      }
    }
  });

  test('every setting is in the schema but those that the chart decides, and helm lint has nothing to say', async () => {
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf-8'));
    const known = Object.keys(schema.properties.settings.properties);
    const decided = SETTINGS.map(({ name }) => name).filter((name) => !known.includes(name));
    const env = environment(await rendered({ tracking: 'none', trackingChange: true, profilesFile: true }));
    assert.deepEqual(
      decided.filter((name) => !(name in env)),
      ['CA_SECRET'],
      'the name of a Secret that a Role names, too',
    );
    for (const version of [helm.helm3, helm.helm4]) {
      const { code, stdout } = await runHelm(version, ['lint', '--strict', CHART]);
      assert.equal(code, 0, stdout);
      assert.doesNotMatch(stdout, /WARNING|ERROR/);
    }
  });
});
