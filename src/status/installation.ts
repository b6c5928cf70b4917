import { type Clock, sleep, timeLimit } from '../async/clock.ts';
import { UsageError } from '../command-line.ts';
import { findRegistration, nameOf } from '../installed/registration.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { describeError, isNotFound } from '../kube/errors.ts';
import { registrationPath } from '../kube/paths.ts';
import { HOOK_LABEL, NAMESPACE_LABEL } from '../kube/reads.ts';
import { formatAge } from '../policy/duration.ts';

/** The name of the only installation; undefined if there is none, or nobody lets it be known. Throws as above. */
export async function findInstallation(client: ApiClient): Promise<string | undefined> {
  try {
    const found = await findRegistration(client);
    return found && nameOf(found);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // The report needs no right to list registrations. What else is wrong, it says itself.
    return undefined;
  }
}

const LOOK_EVERY_MS = 500;
/** Whoever waits for longer wants to know what for, and after a while again. */
const SAY_AFTER_MS = 2_000;
const SAY_AGAIN_MS = 15_000;

/**
 * Waits until the registration has a webhook that calls its installation. `name`: of the registration; undefined: of the
 * only installation. Resolves to the exit code: 1 if it did not come about within the limit, milliseconds, or was stopped.
 * Throws a UsageError if it has to be told which installation.
 */
export async function waitRegistered(name: string | undefined, limitMs: number, world: Waiting): Promise<number> {
  const { clock, print, complain, stop } = world;
  const { signal: limit, close } = timeLimit(clock, limitMs, stop);
  const startedAt = clock.monotonicNow();
  try {
    const seen = await waitWithin(limit, name, world);
    if (seen.missing === undefined) {
      print(`registered: the API server asks the hook of ${seen.name} about evictions\n`);
      return 0;
    }
    // The limit as it was given: a timer may fire a moment early, and 0.999 s would read as 0s.
    const waitedMs = stop.aborted ? clock.monotonicNow() - startedAt : limitMs;
    complain(`not registered after ${formatAge(waitedMs)}: ${seen.missing}`);
    return 1;
  } finally {
    close();
  }
}

interface Waiting {
  readonly client: ApiClient;
  readonly clock: Pick<Clock, 'monotonicNow' | 'setTimer'>;
  readonly print: (text: string) => void;
  readonly complain: (line: string) => void;
  readonly stop: AbortSignal;
}

/** What was seen last: the registration, or what was missing when the limit was reached. */
async function waitWithin(limit: AbortSignal, name: string | undefined, world: Waiting): Promise<Seen> {
  const { client, clock, complain } = world;
  let said = '';
  let sayAt = clock.monotonicNow() + SAY_AFTER_MS;
  let missing = 'nothing was read';
  while (!limit.aborted) {
    const seen = await look(client, name, limit);
    if (seen.missing === undefined) return seen;
    // What a read says that the limit has cut short is no news.
    if (!limit.aborted || said === '') missing = seen.missing;
    const now = clock.monotonicNow();
    if (now >= sayAt || (said !== '' && said !== missing)) {
      complain(`waiting: ${missing}`);
      said = missing;
      sayAt = now + SAY_AGAIN_MS;
    }
    await sleep(clock, LOOK_EVERY_MS, limit);
  }
  return { missing };
}

type Seen = { readonly name: string; readonly missing?: undefined } | { readonly missing: string };

async function look(client: ApiClient, name: string | undefined, signal: AbortSignal): Promise<Seen> {
  try {
    const found =
      name === undefined
        ? await findRegistration(client, signal)
        : await client.json({ method: 'GET', path: registrationPath(name), signal });
    if (found === undefined) return { missing: `there is no registration with the label ${HOOK_LABEL}` };
    return isFilled(found)
      ? { name: nameOf(found) }
      : { missing: `the registration ${nameOf(found)} ${lackOf(found)}` };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (isNotFound(error)) return { missing: `there is no registration ${name}` };
    return { missing: `the registration cannot be read: ${describeError(error)}` };
  }
}

interface Webhook {
  readonly clientConfig: { readonly service?: { readonly namespace: string } };
}

const webhooksOf = ({ webhooks }: JsonObject) => (webhooks ?? []) as readonly Webhook[];

function namespaceOf({ metadata }: JsonObject): string | undefined {
  return (metadata as { labels?: Readonly<Record<string, string>> }).labels?.[NAMESPACE_LABEL];
}

/** One that somebody else has made does not say where its hook is. */
function isFilled(registration: JsonObject): boolean {
  const namespace = namespaceOf(registration);
  return webhooksOf(registration).some(
    ({ clientConfig }) => namespace === undefined || clientConfig.service?.namespace === namespace,
  );
}

const lackOf = (registration: JsonObject) =>
  webhooksOf(registration).length === 0
    ? 'has no webhooks; the hook fills them in when it has been ready for ten seconds'
    : `has no webhook that calls the hook in namespace ${namespaceOf(registration)}`;
