import type { HookProcess } from '../../../testkit/hook-process.ts';
import type { ApiGate, Passing, Verdict } from './api-gate.ts';

/** A call of the hook to the API server, at which the hook is killed. */
export interface DoomedCall {
  readonly is: (request: Passing, passed: readonly Passing[]) => boolean;
  /** What is done until then to other calls, so that this one comes about. */
  readonly meddle?: (request: Passing) => Verdict | undefined;
}

export type When = 'before' | 'after';

export const WHEN: Readonly<Record<When, string>> = {
  before: 'before the API server has it',
  after: 'when it is done, and nobody has heard',
};

/** The next such call is the last thing that the process does; what comes later is let through. Resolves when it has gone. */
export function killAt(gate: ApiGate, hook: HookProcess, { is, meddle }: DoomedCall, when: When): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const kill = async () => {
    hook.kill('SIGKILL');
    await hook.exited;
    resolve();
  };
  gate.rule = (request) => {
    if (!is(request, gate.passed)) return meddle?.(request);
    gate.rule = () => undefined;
    return { kind: 'lose', applied: when === 'after', atThat: kill };
  };
  return promise;
}

/** Whether it has been done; throws where it has failed. */
export function settled(work: Promise<unknown>): () => boolean {
  let isDone = false;
  let failure: unknown;
  work.then(
    () => {
      isDone = true;
    },
    (error) => {
      failure = error;
    },
  );
  return () => {
    if (failure !== undefined) throw failure;
    return isDone;
  };
}

/** A call of one verb on a path; of lists and watches only where they are asked for. */
export const isGetOf = (path: RegExp) => (request: Passing) =>
  request.method === 'GET' && path.test(request.path) && !request.query.has('watch') && !request.query.has('limit');

export const isPatchOf = (path: RegExp, contentType: string) => (request: Passing) =>
  request.method === 'PATCH' && path.test(request.path) && request.contentType === contentType;
