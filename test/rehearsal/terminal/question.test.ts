import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { questionFor } from '../../../rehearsal/terminal/question.ts';

const NEVER = new AbortController().signal;

/** A terminal at which somebody sits. */
const aTerminal = () => Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.ReadStream;

describe('the question before anything is written', () => {
  for (const [typed, expected] of [
    ['y\n', true],
    ['Yes\n', true],
    [' y \r\n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
    ['no\ny\n', false],
  ] as const) {
    test(`takes ${JSON.stringify(typed)} for ${expected ? 'yes' : 'no'}`, async () => {
      const input = aTerminal();
      const output = new PassThrough();
      const answer = questionFor(input, output, NEVER)?.('Go on? ');
      input.push(typed);
      assert.equal(await answer, expected);
      assert.equal(String(output.read()), 'Go on? ');
    });
  }

  test('takes the end of the input for no', async () => {
    const input = aTerminal();
    const answer = questionFor(input, new PassThrough(), NEVER)?.('Go on? ');
    input.push(null);
    assert.equal(await answer, false);
  });

  test('takes an interrupt for no', async () => {
    const interrupted = new AbortController();
    const answer = questionFor(aTerminal(), new PassThrough(), interrupted.signal)?.('Go on? ');
    interrupted.abort();
    assert.equal(await answer, false);
  });

  test('takes an interrupt for no that was there before', async () => {
    const output = new PassThrough();
    assert.equal(await questionFor(aTerminal(), output, AbortSignal.abort())?.('Go on? '), false);
    assert.equal(output.read(), null);
  });

  test('is put to nobody where there is no terminal', () => {
    const input = new PassThrough() as unknown as NodeJS.ReadStream;
    assert.equal(questionFor(input, new PassThrough(), NEVER), undefined);
  });
});
