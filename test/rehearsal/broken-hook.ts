/**
 * Breaks the hook in one place, as its sources are loaded: `NODE_OPTIONS=--import <this file>` and BREAK with the name of a
 * fault. A rehearsal that does not fail then shows nothing.
 */
import { registerHooks } from 'node:module';

export interface Fault {
  /** How the path of the source ends. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const FAULTS = {
  'a marked pod counts as moved': {
    file: '/policy/rules/asking/marked.ts',
    from: 'return wait(',
    to: "return ((reason, message) => ({ kind: 'deny', reason, code: 404, message }))(",
  },
  'a moved pod is not marked again': {
    file: '/policy/rules/earlier-instance.ts',
    from: 'if (!isDraining(nodeOrGone(seen.node), settings.drainTaints)) return undefined;',
    to: 'return undefined;',
  },
  'the UID of the request does not count': {
    file: '/policy/rules/other-instance.ts',
    from: 'request.uid === undefined ||',
    to: 'true ||',
  },
  'a dry run by request is none': { file: '/webhook/admission-review.ts', from: 'request.dryRun === true ||', to: '' },
  'nothing is said of a stall': {
    file: '/policy/rules/asking/marked.ts',
    from: 'now - history.firstAt >= profile.stallAfterMs',
    to: 'false',
  },
  'entries stay': {
    file: '/controller/entries.ts',
    from: "plan.kind === 'prune' && prunes++ < PRUNES_IN_A_ROW",
    to: 'false',
  },
  'it ends when it has marked a pod': {
    file: '/webhook/decision-log.ts',
    from: 'log[level](message, fields);',
    to: "log[level](message, fields); if (decision.kind === 'mark') setTimeout(() => process.exit(7), 50);",
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;

/** What a hook has to be started with in order to be broken. */
export const brokenBy = (fault: FaultName): Record<string, string> => ({
  NODE_OPTIONS: `--import=${import.meta.url}`,
  BREAK: fault,
});

const fault: Fault | undefined = FAULTS[process.env.BREAK as FaultName];
if (fault !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(fault.file)) return loaded;
      const source = String(loaded.source);
      if (!source.includes(fault.from)) throw new Error(`${fault.file} has no "${fault.from}" to break`);
      return { ...loaded, source: source.replace(fault.from, fault.to) };
    },
  });
}
