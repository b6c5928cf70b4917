import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readProfile } from '../../../src/config/profiles/profile-file.ts';

const ON = { kind: 'Db', resource: 'dbs.example.com', label: 'db' };
const OBJECT = { on: ON, annotation: 'example.com/move', value: '{uid}' };

/** What is wrong with a profile that has these fields, or nothing. */
function problems(fields: object): readonly string[] {
  const all: Record<string, unknown> = { name: 'own', selector: 'app=db', names: 'new', ...fields };
  const read = readProfile('own', { fields: all, at: () => 'f:1' });
  return Array.isArray(read) ? read : [];
}

describe('how a profile asks for a move', () => {
  for (const [what, fields] of [
    ['not at all', { mark: 'none' }],
    ['by an annotation of an object', { mark: OBJECT }],
    ['and then waits until a field repeats it', { mark: { ...OBJECT, value: '{uid}.{now}', doneAt: 'status.done' } }],
    ['by a label', { mark: { label: 'example.com/move', value: '{uid}' } }],
    ['by a label of an object', { mark: { on: ON, label: 'example.com/move', value: '{uid}' } }],
    ['only if a field is so', { mark: { ...OBJECT, onlyIf: [{ at: 'spec.a', is: 'true', word: 'Off' }] } }],
    ['only if there is no such field', { mark: { ...OBJECT, onlyIf: [{ at: 'spec.a', is: null, word: 'Off' }] } }],
    ['in a form of its own', { mark: { on: ON, form: 'fdb-process-groups' } }],
    ['and waits for a report', { mark: { annotation: 'a', value: 'b' }, report: { annotation: 'c' } }],
    ['and waits for conditions', { mark: { annotation: 'a', value: 'b' }, report: { conditions: ['A', '!B'] } }],
    ['and waits for one condition', { mark: { annotation: 'a', value: 'b' }, report: { conditions: 'A' } }],
  ] as const) {
    test(what, () => assert.deepEqual(problems(fields), []));
  }

  const report = { mark: { annotation: 'a', value: 'b' } };
  for (const [what, fields, expected] of [
    ['no mark and no word for it', {}, ['mark is missing, or is no list of fields']],
    ['another word', { mark: 'nothing' }, ['mark is missing, or is no list of fields']],
    [
      'no resource',
      { mark: { ...OBJECT, on: { ...ON, resource: 'dbs' } } },
      [/^mark.on.resource is "dbs"; it must be the plural/],
    ],
    [
      'a value that is the same for every pod',
      { mark: { ...OBJECT, value: 'x{now}' } },
      [/^mark.value has to name the pod/],
    ],
    [
      'a value that is the same each time, where the hook may ask again',
      { mark: { ...OBJECT, doneAt: 'status.done' } },
      [/^mark.value needs \{now\}/],
    ],
    ['a report that is the mark', { ...report, report: { annotation: 'a' } }, [/^report is the mark itself/]],
    ['a form that nobody knows', { mark: { on: ON, form: 'x' } }, [/^mark.form is "x"; it must be fdb-process-groups/]],
    ['a match', { mark: { ...OBJECT, match: 'exact' } }, ['mark has match, which no profile has']],
    [
      'both conditions',
      { mark: { ...OBJECT, onlyIf: [{ at: 'a', is: 'x', isNot: 'y', word: 'Off' }] } },
      ['mark.onlyIf.0 needs either is or isNot'],
    ],
    [
      'no condition',
      { mark: { ...OBJECT, onlyIf: [{ at: 'a', word: 'Off' }] } },
      ['mark.onlyIf.0 needs either is or isNot'],
    ],
    ['neither annotation nor label', { mark: { value: 'true' } }, ['mark.annotation is missing, and so is label']],
    [
      'both',
      { mark: { annotation: 'a', label: 'b', value: 'c' } },
      ['mark.label stands beside annotation; one of them is the mark'],
    ],
    ['no value of a label', { mark: { label: 'a', value: 'a b' } }, ['mark.value is not the value of a label']],
    [
      'an instant in a label',
      { mark: { label: 'a', value: '{now}', match: 'present' } },
      ['mark.value has {now}, which is not the value of a label'],
    ],
    ['a report of nothing', { ...report, report: {} }, ['report needs either annotation or conditions']],
    [
      'a report of both',
      { ...report, report: { annotation: 'c', conditions: ['A'] } },
      ['report needs either annotation or conditions'],
    ],
    [
      'a report of what must not be alone',
      { ...report, report: { conditions: ['!A'] } },
      ['report has no condition that has to be True'],
    ],
    ['a report on no mark', { mark: 'none', report: { annotation: 'c' } }, ['report needs a mark on the pod']],
    [
      'a limit on no mark',
      { mark: OBJECT, maxConcurrent: { pods: 1, by: 'db' } },
      ['maxConcurrent needs a mark on the pod'],
    ],
    ['nothing to take back', { mark: 'none', withdraw: true }, ['withdraw needs a mark on the pod']],
  ] as const) {
    test(`${what} is refused`, () => {
      const found = problems(fields).map((problem) => problem.replace('f:1 own.', '').replace('f:1 own ', ''));
      assert.equal(found.length, expected.length, found.join());
      for (const [i, one] of expected.entries()) {
        if (typeof one === 'string') assert.equal(found[i], one);
        else assert.match(found[i] ?? '', one);
      }
    });
  }
});
