import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type OperatorEvent,
  type OperatorOptions,
  StandInOperator,
} from '../../../rehearsal/operator/stand-in-operator.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { FakeWorld } from './fake-world.ts';

const IN_PLACE = { size: 3, upgradeProcess: 'InPlaceUpgrade' };

/** An operator on a fake world and a fake clock, and what it told. */
function anOperator(world: FakeWorld, options: Partial<OperatorOptions> = {}) {
  let at = 0;
  const events: OperatorEvent[] = [];
  const operator = new StandInOperator({
    client: world.client,
    namespaces: ['db'],
    periodMs: 100,
    now: () => at,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await operator.reconcile();
      world.tick();
      at += 100;
    }
  };
  return { operator, events, rounds };
}

describe('StandInOperator', () => {
  it('moves marked members in place, one after another, by its own deletes', async () => {
    const world = new FakeWorld(IN_PLACE);
    const { operator, rounds } = anOperator(world);
    await rounds(5);
    const first = world.pods.get('cb-0001')?.uid ?? '';
    world.mark('cb-0001');
    world.mark('cb-0002');
    world.writes.length = 0;
    await rounds(12);
    assert.deepEqual(world.writes, [
      'DELETE cb-0001 grace 0',
      'POST cb-0001',
      'DELETE cb-0002 grace 0',
      'POST cb-0002',
    ]);
    assert.equal(operator.deletedUids.size, 2);
    assert.ok(operator.deletedUids.has(first));
    assert.notEqual(world.pods.get('cb-0001')?.uid, first);
  });

  it('swaps a marked member for one with a name that was never used, also after the last name has gone', async () => {
    const world = new FakeWorld({ size: 2 });
    const { rounds } = anOperator(world);
    await rounds(5);
    for (const name of ['cb-0001', 'cb-0002']) {
      world.mark(name);
      await rounds(8);
    }
    assert.deepEqual(world.writes, [
      'POST cb-0000',
      'POST cb-0001',
      'POST cb-0002',
      'DELETE cb-0001 grace 0',
      'POST cb-0003',
      'DELETE cb-0002 grace 0',
    ]);
  });

  it('waits for a successor that finds no node', async () => {
    const world = new FakeWorld(IN_PLACE);
    const { rounds } = anOperator(world);
    await rounds(5);
    world.mark('cb-0001');
    world.mark('cb-0002');
    world.starts = ({ uid }) => uid !== 'uid-4';
    await rounds(10);
    assert.deepEqual(world.writes.slice(3), ['DELETE cb-0001 grace 0', 'POST cb-0001']);
    world.starts = () => true;
    await rounds(10);
    assert.deepEqual(world.writes.slice(5), ['DELETE cb-0002 grace 0', 'POST cb-0002']);
  });

  it('goes on after errors, and does not count a delete that was refused as its own', async () => {
    const world = new FakeWorld(IN_PLACE);
    const { operator, events, rounds } = anOperator(world);
    await rounds(5);
    world.mark('cb-0001');
    world.refuse = ({ method }) => (method === 'DELETE' ? new ApiError(500, 'DELETE', undefined) : undefined);
    await rounds(2);
    assert.equal(operator.deletedUids.size, 0);
    world.refuse = () => new ApiError(503, 'GET', undefined);
    await rounds(2);
    world.refuse = () => undefined;
    await rounds(6);
    assert.deepEqual(world.writes.slice(3), ['DELETE cb-0001 grace 0', 'POST cb-0001']);
    assert.equal(events.filter(({ kind }) => kind === 'failed').length, 4);
  });

  it('writes the status only where it says something new', async () => {
    const world = new FakeWorld(IN_PLACE);
    const { rounds } = anOperator(world);
    await rounds(5);
    const written = world.statuses.length;
    await rounds(20);
    assert.equal(world.statuses.length, written);
  });

  it('does nothing between pause and resume', async () => {
    const world = new FakeWorld(IN_PLACE);
    const { operator } = anOperator(world, { periodMs: 1 });
    await operator.pause();
    operator.start();
    operator.resume();
    while (world.pods.size < 3) await new Promise(setImmediate);
    await operator.pause();
    world.pods.clear();
    await operator.stop();
    assert.equal(world.pods.size, 0);
  });

  it('takes other labels, owners and annotations', async () => {
    const world = new FakeWorld(IN_PLACE);
    const bodies: unknown[] = [];
    const { rounds } = anOperator(world, {
      labels: (_, pod) => ({ role: 'database', pod }),
      owner: () => undefined,
      annotation: { key: 'example.com/move', value: 'now' },
      readinessGate: true,
      manifest: (pod) => {
        bodies.push(pod);
        return pod;
      },
    });
    await rounds(5);
    const pod = bodies[0] as { metadata: Record<string, unknown>; spec: Record<string, unknown> };
    assert.deepEqual(pod.metadata, { namespace: 'db', name: 'cb-0000', labels: { role: 'database', pod: 'cb-0000' } });
    assert.deepEqual(pod.spec.readinessGates, [{ conditionType: 'pod.couchbase.com/readiness' }]);
    assert.match(JSON.stringify(pod.spec.affinity), /"matchLabels":\{"role":"database"\}/);
    world.mark('cb-0001');
    await rounds(2);
    assert.equal(world.writes.length, 3);
    world.mark('cb-0001', 'example.com/move', 'now');
    await rounds(1);
    assert.equal(world.writes.at(-1), 'DELETE cb-0001 grace 0');
  });
});
