import type { LogLine } from '../../testkit/log-lines.ts';
import type { LogRecord } from './record.ts';
import type { Happening } from './timeline.ts';

type Draft = Omit<LogRecord, 'repeatedMs'> & { repeatedMs?: number[] };

/** Gathers what everyone says. A drainer asks every few seconds for minutes: what is only said again becomes one entry. */
export class LogBook {
  readonly #entries: Draft[] = [];
  readonly #last = new Map<string, Draft>();

  add(entry: Omit<LogRecord, 'repeatedMs'>): void {
    const speaker = `${entry.who} ${entry.pod ?? ''}`;
    const last = this.#last.get(speaker);
    if (last !== undefined && saysTheSame(last, entry)) {
      last.repeatedMs = [...(last.repeatedMs ?? []), entry.afterMs];
      return;
    }
    const draft: Draft = { ...entry };
    this.#entries.push(draft);
    this.#last.set(speaker, draft);
  }

  get entries(): readonly LogRecord[] {
    return this.#entries;
  }
}

function saysTheSame(a: Draft, b: Draft): boolean {
  return a.what === b.what && a.detail === b.detail && a.uid === b.uid && a.node === b.node && a.level === b.level;
}

/** What somebody but the hook did; of a drainer's line also the pod that it is about. */
export function fromHappening(happening: Happening, afterMs: number): LogRecord {
  const pod = happening.pod ?? podIn(happening.what);
  return { afterMs, ...happening, ...(pod === undefined ? {} : { pod }) };
}

/** `evicting pod db/cb-0001`, `pod/cb-0001 evicted`, `error when evicting pods/"cb-0001" -n "db" (...)` */
function podIn(line: string): string | undefined {
  return /\bpods?(?:\/"?| [\w.-]+\/)([\w.-]+)/.exec(line)?.[1];
}

const SHOWN_APART: readonly string[] = ['message', 'level', 'time', 'pod', 'namespace', 'node', 'uid', 'durationMs'];

/** A line of the hook's own log, with its other fields as one text. */
export function fromHookLine(line: LogLine, afterMs: number): LogRecord {
  const text = (field: string) => (typeof line[field] === 'string' ? { [field]: line[field] } : {});
  const detail = Object.entries(line)
    .filter(([field, value]) => !SHOWN_APART.includes(field) && value !== undefined && value !== '')
    .map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  return {
    afterMs,
    who: 'hook',
    what: line.message,
    ...text('level'),
    ...text('pod'),
    ...text('node'),
    ...text('uid'),
    ...(detail === '' ? {} : { detail }),
  };
}
