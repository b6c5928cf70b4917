import type { RequestListener } from 'node:http';
import type { Clock } from '../../src/async/clock.ts';
import { lineFormat } from '../../src/log/logger.ts';
import type { Decision } from '../../src/policy/decision.ts';
import type { EvictionRequest } from '../../src/policy/model.ts';
import { Deadlines } from '../../src/server/deadlines.ts';
import { createApp } from '../../src/server/webhook-app.ts';
import { anAdmitter } from '../support/admission.ts';
import type { FakeApi } from '../support/api.ts';
import { aLog } from '../support/log.ts';
import { aRawCluster, aRawNode } from '../support/raw.ts';
import { PODS } from './pods.ts';

type Admit = (request: EvictionRequest) => Promise<Decision>;

/** A fault that is planted to see whether the fuzzing finds it. */
export interface Planted {
  readonly admit?: (honest: Admit) => Admit;
  readonly listener?: (honest: RequestListener) => RequestListener;
  readonly line?: (honest: string) => string;
}

/** The webhook from the HTTP request to the API server, which is the only fake and writes down what it is asked. */
export interface FuzzedHook {
  readonly api: FakeApi;
  readonly listener: RequestListener;
  /** The lines logged since the last call, as they would stand in the log, in both formats. */
  takeLines(): string[];
}

/** For cases that take no time. */
const NO_TIME: Pick<Clock, 'setTimer'> = { setTimer: () => ({ cancel: () => undefined }) };

export function aHook(planted: Planted = {}, clock = NO_TIME): FuzzedHook {
  const { api, admit, log } = anAdmitter({
    pods: PODS.map(({ raw }) => raw),
    nodes: [aRawNode({ spec: { unschedulable: true } })],
    trackers: [aRawCluster()],
  });
  for (const { name, raw } of PODS) api.put(`/api/v1/namespaces/db/pods/${name}`, raw);
  const appLog = aLog();
  const honest: Admit = async (request) => admit(request);
  const app = createApp({
    admit: planted.admit?.(honest) ?? honest,
    notReady: () => undefined,
    details: () => [],
    deadlines: new Deadlines(clock),
    isStopping: () => false,
    log: appLog,
  });
  const listener = app.callback() as RequestListener;
  return {
    api,
    listener: planted.listener?.(listener) ?? listener,
    takeLines() {
      const lines = [...appLog.lines.splice(0), ...log.lines.splice(0)];
      const texts = lines.flatMap((line) => FORMATS.map((format) => asWritten(format, line)));
      return texts.map((text) => planted.line?.(text) ?? text);
    },
  };
}

const FORMATS = [lineFormat('text'), lineFormat('json')];

export function asWritten(
  format: ReturnType<typeof lineFormat>,
  { level, message, fields }: { level: string; message: string; fields: Record<string, unknown> },
): string {
  const written = format.transform({ ...fields, level, message, [Symbol.for('level')]: level });
  return String((written as unknown as Record<symbol, unknown>)[Symbol.for('message')]);
}
