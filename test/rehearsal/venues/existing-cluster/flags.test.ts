import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readFlags } from '../../../../rehearsal/flags.ts';
import { UsageError } from '../../../../rehearsal/usage-error.ts';

const BOTH = ['--context=c', '--node=a', '--node', 'b'];

describe('flags of a rehearsal on a cluster that exists', () => {
  it('are read', () => {
    const expected = {
      context: 'c',
      nodes: ['a', 'b'],
      image: 'registry.k8s.io/pause:3.10',
      yes: false,
      observe: false,
    };
    assert.deepEqual(readFlags([...BOTH, '--node=a']).cluster, expected);
    assert.deepEqual(readFlags([...BOTH, '--kubeconfig=k', '--image=i', '--yes']).cluster, {
      ...expected,
      kubeconfig: 'k',
      image: 'i',
      yes: true,
    });
    assert.deepEqual(readFlags(['--context=c', '--observe']).cluster, { ...expected, nodes: [], observe: true });
    assert.equal(readFlags([]).cluster, undefined);
  });

  for (const [args, message] of [
    [['--node=a'], '--node needs --context'],
    [['--observe'], '--observe needs --context'],
    [['--context=c', '--node=a', '--node=a'], /^--context needs --node at least twice/],
    [[...BOTH, '--nodes=3'], '--context does not go together with --nodes'],
    [[...BOTH, '--control-plane'], '--context does not go together with --control-plane'],
    [[...BOTH, '--observe'], '--observe only watches, and does not go together with --node'],
    [['--context=c', '--observe', '--yes'], '--observe only watches, and does not go together with --yes'],
  ] as const) {
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(() => readFlags(args), { name: UsageError.name, message });
    });
  }
});
