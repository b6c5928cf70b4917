import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import { MODELS, modelsNamed } from '../../../rehearsal/operator/models/index.ts';
import { readOptions } from '../../../rehearsal/options.ts';
import { forModel, SCENARIOS, scenarioLines, scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import { UsageError } from '../../../src/command-line.ts';
import { playEmbedded } from '../play-embedded.ts';

const FAST = ['swap', 'interrupted', 'uid-drainer', 'dry-run'];

// Most of it is waiting until the drainers try again.
describe('scenarios on the embedded API', { concurrency: true }, () => {
  for (const name of FAST) {
    it(`${name} holds`, async ({ signal }) => {
      const [scenario] = scenariosNamed(name);
      assert.ok(scenario);
      const { record, lines } = await playEmbedded(scenario, signal);
      assert.deepEqual(
        record.checks.filter(({ holds }) => !holds),
        [],
        lines.join('\n'),
      );
      assert.equal(record.holds, true);
      assert.equal(record.scenario.name, name);
    });
  }

  it('fail where an operator moves a pod once more', async ({ signal }) => {
    const [scenario] = scenariosNamed('dry-run');
    assert.ok(scenario);
    const script: typeof scenario.script = async (play) => {
      await scenario.script(play);
      const [member] = play.members();
      const { client } = play;
      const path = `/api/v1/namespaces/${member?.namespace}/pods/${member?.name}`;
      const body = { metadata: { annotations: { 'cao.couchbase.com/reschedule': 'true' } } };
      await client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
      await play.see('a move', () => !play.members().some(({ uid }) => uid === member?.uid));
    };
    const { record } = await playEmbedded({ ...scenario, script }, signal);
    assert.equal(record.holds, false);
    assert.deepEqual(
      record.checks.flatMap(({ what, holds }) => (holds ? [] : [what])),
      ['no pod was moved'],
    );
  });
});

test('docs/rehearsal.md names each scenario, in the same words', () => {
  const docs = readFileSync(new URL('../../../docs/rehearsal.md', import.meta.url), 'utf-8');
  const rows = [...docs.matchAll(/^\| `([a-z0-9-]+)` \| (.*) \|$/gm)].map(([, name, about]) => ({ name, about }));
  assert.deepEqual(
    rows,
    SCENARIOS.map(({ name, about }) => ({ name, about })),
  );
});

describe('the choice of scenarios', () => {
  it('is by name, or all', () => {
    assert.equal(scenariosNamed('all').length, SCENARIOS.length);
    assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length);
    assert.equal(scenarioLines().length, SCENARIOS.length);
    assert.throws(
      () => scenariosNamed('nobody'),
      (error) => error instanceof UsageError && error.message === 'there is no scenario "nobody"; see --list',
    );
  });

  it('is of those that go with a profile, if there is one', () => {
    const model = MODELS.find(({ profile }) => profile === 'es-operator');
    assert.ok(model);
    const all = forModel(SCENARIOS, model);
    assert.ok(all.every((one) => one.model === model && one.name.startsWith('es-operator/')));
    const names = all.map(({ name }) => name);
    assert.ok(names.includes('es-operator/by-kubectl') && !names.includes('es-operator/same-node'));
    assert.throws(
      () => forModel(scenariosNamed('swap'), model),
      (error) =>
        error instanceof UsageError &&
        /^no such scenario goes with --profile es-operator; these do: /.test(error.message),
    );
    assert.deepEqual(forModel(SCENARIOS, undefined), SCENARIOS);
  });

  it('is of profiles that exist', () => {
    assert.deepEqual(modelsNamed('all'), MODELS);
    assert.deepEqual(
      modelsNamed('aerospike,couchbase,aerospike').map(({ profile }) => profile),
      ['aerospike', 'couchbase'],
    );
    assert.throws(
      () => modelsNamed('nobody'),
      (error) =>
        error instanceof UsageError && /^there is no profile "nobody"; there are couchbase, /.test(error.message),
    );
  });

  it('leaves nodes, members and process to the scenario', () => {
    assert.equal(readOptions(['--scenario', 'swap']).scenario, 'swap');
    assert.equal(readOptions(['--list']).list, true);
    assert.throws(() => readOptions(['--scenario', 'swap', '--members', '4']), /does not go with --members/);
    assert.throws(
      () => readOptions(['--scenario', 'swap', '--context', 'kind']),
      /does not go together with --scenario/,
    );
  });
});
