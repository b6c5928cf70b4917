import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KARPENTER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { forModel, scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import { BUILT_IN } from '../../../src/config/profiles/built-in.ts';
import { hasty } from '../hasty.ts';
import { playEmbedded } from '../play-embedded.ts';

/** A mark that its operator does not know. Undefined: it needs none. */
function wrongMark({ profile, mark }: OperatorModel): object | undefined {
  if (mark !== undefined) {
    const { key, value, isAny } = mark;
    // Where presence decides, no value is wrong.
    return isAny ? { annotation: `${key}-x`, value: 'x', match: 'present' } : { annotation: key, value: `${value}x` };
  }
  const right = BUILT_IN.find(({ name }) => name === profile)?.mark;
  if (typeof right !== 'object' || !('on' in right)) return undefined;
  const { on } = right;
  return 'annotation' in right
    ? { ...right, annotation: `${right.annotation}-x` }
    : { ...right, on: { ...on, label: `${on.label}-x` } };
}

/** What a profile says that is wrong, and what the verdict then finds. No fields: nothing of that kind is wrong there. */
const FAULTS: readonly {
  readonly what: string;
  readonly fields: (model: OperatorModel) => object | undefined;
  readonly problem: RegExp;
  /** The drain does. */
  readonly endsItself: boolean;
}[] = [
  {
    what: 'wrong mark',
    fields: (model) => {
      const mark = wrongMark(model);
      return mark && { mark };
    },
    problem: /the drain of node-\d ended with exit code 1/,
    endsItself: false,
  },
  {
    what: 'wrong selector',
    fields: () => ({ selector: 'nobody=has-it' }),
    problem: /was evicted, not moved by its operator/,
    endsItself: true,
  },
  {
    what: 'report that is there before its operator makes one',
    fields: ({ reports }) => reports && { report: { conditions: ['Ready'] } },
    problem: /was evicted, not moved by its operator/,
    endsItself: true,
  },
];

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planted-faults-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A file that gives a built-in profile other fields. */
async function aFile(name: string, what: string, fields: object): Promise<string> {
  const file = join(folder, `${name} ${what}.yaml`);
  await writeFile(file, JSON.stringify({ profiles: [{ name, ...fields }] }));
  return file;
}

describe('the rehearsal of a profile that is wrong', { concurrency: 4 }, () => {
  for (const model of MODELS) {
    for (const { what, fields, problem, endsItself } of FAULTS) {
      const wrong = fields(model);
      if (wrong === undefined) continue;
      it(`${model.profile} with a ${what} is not safe`, async ({ signal }) => {
        const [scenario] = forModel(scenariosNamed('by-karpenter'), model);
        assert.ok(scenario);
        const hookEnv = { PROFILES_FILE: await aFile(model.profile, what, wrong) };
        const drainer: typeof scenario.drainer = hasty(KARPENTER, 10);
        const planted = {
          ...scenario,
          drainer,
          hookEnv,
          drainWithinMs: endsItself ? 30_000 : 5_000,
          patienceMs: 30_000,
        };
        const { record, lines } = await playEmbedded(planted, signal);
        assert.equal(record.holds, false, lines.join('\n'));
        assert.match(record.checks.flatMap(({ problems }) => problems).join('\n'), problem, lines.join('\n'));
      });
    }
  }

  for (const model of MODELS.filter(({ heldTo }) => heldTo !== undefined)) {
    it(`${model.profile} without its limit is not safe: all go at once`, async ({ signal }) => {
      const [scenario] = forModel(scenariosNamed('two-marked'), model);
      assert.ok(scenario);
      const text = { maxConcurrent: { pods: 100, by: 'app.kubernetes.io/instance' } };
      const hookEnv = { PROFILES_FILE: await aFile(model.profile, 'no limit', text) };
      const { record, lines } = await playEmbedded({ ...scenario, hookEnv }, signal);
      assert.equal(record.holds, false, lines.join('\n'));
      assert.match(record.checks.flatMap(({ problems }) => problems).join('\n'), /ready/i, lines.join('\n'));
    });
  }

  it('is one of each built-in profile', () => assert.equal(MODELS.length, BUILT_IN.length));
});
