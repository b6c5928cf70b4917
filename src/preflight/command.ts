import type { Clock } from '../async/clock.ts';
import { UsageError } from '../command-line.ts';
import type { ReadFile } from '../config/config.ts';
import { findInstalledHook } from '../installed/installed-hook.ts';
import { openView } from '../installed/view.ts';
import type { ApiClient } from '../kube/client.ts';
import { describeError } from '../kube/errors.ts';
import type { PreflightFlags } from './flags.ts';
import type { Forecast } from './forecast/findings.ts';
import { forecastDrain } from './forecast/forecast.ts';
import { shakeHands } from './handshake.ts';
import { readDrain } from './read-cluster.ts';
import { readInstallation } from './read-installation.ts';
import { renderForecast } from './render.ts';

/** The environment of the command. */
export interface PreflightWorld {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
  /** Of this command. */
  readonly version: string;
  readonly print: (text: string) => void;
  readonly complain: (line: string) => void;
  readonly stop: AbortSignal;
  /** Default: over the network. */
  readonly shakeHands?: typeof shakeHands;
}

/** Prints the forecast. Resolves to the exit code: 0 clear, 1 something will hang, 2 it could not begin. */
export async function preflight(flags: PreflightFlags, world: PreflightWorld): Promise<number> {
  let forecast: Forecast;
  try {
    forecast = await forecastOf(flags, world);
  } catch (error) {
    world.complain(describeError(error));
    return 2;
  }
  const { output } = flags;
  world.print(output === 'json' ? `${JSON.stringify(forecast, null, 2)}\n` : renderForecast(forecast));
  return forecast.isClear ? 0 : 1;
}

/** The forecast itself. Throws whatever keeps it from beginning. */
export async function forecastOf(
  { nodes, installation }: Pick<PreflightFlags, 'nodes' | 'installation'>,
  world: PreflightWorld,
): Promise<Forecast> {
  const { client, clock, random, env, readFile, version, stop: signal } = world;
  const hook = await findInstalledHook(client, { ...(installation && { installation }), env, readFile });
  const view = await openView({ client, clock, random, settings: hook.settings, stop: signal });
  try {
    const unknown = nodes.filter((name) => view.cache.nodes.get(name) === undefined);
    if (unknown.length > 0) throw new UsageError(`there is no node ${unknown.join(', ')}`);
    const facts = await readDrain({ client, view, settings: hook.settings, nodes, now: clock.now(), signal });
    const connect = (target: Parameters<typeof shakeHands>[0]) => (world.shakeHands ?? shakeHands)(target, clock);
    const reads = { client, version, now: clock.now(), shakeHands: connect, unreadReports: view.unreadReports, signal };
    return forecastDrain(facts, await readInstallation(hook, facts, reads));
  } finally {
    await view.close();
  }
}
