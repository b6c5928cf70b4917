import { observeStall } from '../cache/stall-observation.ts';
import type { ReadFile } from '../config/config.ts';
import { findInstalledHook, type InstalledHook } from '../installed/installed-hook.ts';
import type { ViewOptions } from '../installed/view.ts';
import { openView, type View } from '../installed/view.ts';
import { describeError } from '../kube/errors.ts';
import { type Observation, seenValue } from '../policy/observation.ts';
import { planStall, type Stall } from '../policy/plans/stall.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import { lastEvents } from './events.ts';
import { type Explanation, explain } from './explain.ts';
import type { ExplainFlags } from './flags.ts';
import { renderExplanation } from './render.ts';

/** The environment of the command. */
export interface ExplainWorld extends Omit<ViewOptions, 'settings' | 'namespace'> {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
  /** Of the context of the kubeconfig. */
  readonly contextNamespace?: string | undefined;
  readonly print: (text: string) => void;
  readonly complain: (line: string) => void;
}

/** Prints why the pod waits. Resolves to the exit code: 1 if only a human can go on, 2 if it could not begin. */
export async function explainPod(flags: ExplainFlags, world: ExplainWorld): Promise<number> {
  const { client, env, readFile, complain, print, contextNamespace = 'default' } = world;
  const { installation, namespace = contextNamespace, output } = flags;
  try {
    const hook = await findInstalledHook(client, { ...(installation && { installation }), env, readFile });
    const view = await openView({ ...world, settings: hook.settings, namespace });
    try {
      const found = await explanationOf({ namespace, name: flags.pod }, hook, view, world);
      print(output === 'json' ? `${JSON.stringify(found, null, 2)}\n` : renderExplanation(found));
      return found.state === 'stuck' ? 1 : 0;
    } finally {
      await view.close();
    }
  } catch (error) {
    complain(describeError(error));
    return 2;
  }
}

async function explanationOf(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { settings, settingsFrom }: InstalledHook,
  view: View,
  { client, stop }: ExplainWorld,
): Promise<Explanation> {
  const { seen, decision } = await view.judge({ namespace, name });
  const pod = seenValue(seen.pod);
  const stall = stallOf(seen, view, settings);
  const events = pod === undefined ? {} : await lastEvents(client, pod, seenValue(seen.tracker), stop);
  const { unreadReports } = view;
  return explain({ seen, decision, settings, settingsFrom, ...(stall && { stall }), events, unreadReports });
}

/** Nothing in the cluster says since when a mark has been there if the API server does not. */
function stallOf(seen: Observation, { cache }: View, settings: PolicySettings): Stall | undefined {
  const pod = seenValue(seen.pod);
  if (pod === undefined) return undefined;
  const markedForMs = pod.mark?.at === undefined ? 0 : seen.now - pod.mark.at;
  const observed = observeStall(cache, pod, settings, { now: seen.now, markedForMs });
  return observed && planStall(observed, settings);
}
