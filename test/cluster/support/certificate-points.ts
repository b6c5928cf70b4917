import assert from 'node:assert/strict';
import { certificatesIn } from '../../../src/certificates/pem.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import type { Passing } from './api-gate.ts';
import { type DoomedCall, isGetOf, isPatchOf } from './doom.ts';
import type { SelfKept } from './own-certificates.ts';

type Texts = Readonly<Record<string, string>>;

export interface Crash {
  /** How many calls there were before this start of the hook. */
  readonly since: number;
  /** Else the hook has been killed before this very call, and has to make it anew. */
  readonly isFirst: boolean;
}

/** One of the calls that the hook makes for its certificates. */
export interface CertificatePoint {
  readonly call: string;
  readonly env?: Texts;
  readonly doom: (crash: Crash) => DoomedCall;
  /** Brings about that it has a reason for this call. */
  readonly lead?: (kept: SelfKept, hook: HookProcess, stranger: string) => Promise<void>;
  /** What the registration and the Secret have to come to. Default: the authority that there was stays. */
  readonly end?: 'adopted' | 'renewed';
}

const SECRET = /\/secrets\/[^/]+$/;
const REGISTRATION = /\/validatingwebhookconfigurations\/[^/]+$/;
const isSecretWrite = ({ method, path }: Passing) => method === 'PUT' && SECRET.test(path);
const at = (is: DoomedCall['is']) => () => ({ is });

/** A renewal is three writes of the Secret: the next authority is introduced, signs, and the old one is let go. */
const atWrite =
  (number: number) =>
  ({ since, isFirst }: Crash): DoomedCall => ({
    is: (request, passed) =>
      isSecretWrite(request) && passed.slice(since).filter(isSecretWrite).length === (isFirst ? number : 1),
  });

/**
 * So that an authority which was made for a day is to be renewed at once. Its last certificate is soon over, but not before a
 * slow machine has renewed it.
 */
const RENEWING = { CERTIFICATE_LIFETIME: '24s', CA_LIFETIME: '96h' };

/** Lets it make an authority that lasts for a day. */
async function aged(_: SelfKept, hook: HookProcess): Promise<void> {
  await hook.start({ CA_LIFETIME: '24h' });
  await hook.stop();
}

/** Lets it make an authority, and registers it anew with that of somebody else. */
async function takenOver(kept: SelfKept, hook: HookProcess, stranger: string): Promise<void> {
  await hook.start();
  await hook.stop();
  await kept.overwrite(stranger);
}

export const CERTIFICATE_POINTS: readonly CertificatePoint[] = [
  // What takes the longest comes first.
  { call: 'retire-authority', doom: atWrite(3), env: RENEWING, lead: aged, end: 'renewed' },
  { call: 'promote-authority', doom: atWrite(2), env: RENEWING, lead: aged, end: 'renewed' },
  { call: 'introduce-authority', doom: atWrite(1), env: RENEWING, lead: aged, end: 'renewed' },
  { call: 'adopt-bundle', doom: at(isSecretWrite), lead: takenOver, end: 'adopted' },
  { call: 'create-secret', doom: at(({ method, path }) => method === 'POST' && path.endsWith('/secrets')) },
  { call: 'write-bundle', doom: at(isPatchOf(REGISTRATION, 'application/json-patch+json')) },
  { call: 'read-secret', doom: at(isGetOf(SECRET)) },
  { call: 'read-registration', doom: at(isGetOf(REGISTRATION)) },
];

export interface Crashed {
  /** The Secret as the last crash left it. */
  readonly left: Texts | undefined;
  readonly stranger: string;
}

export async function assertEnd(kept: SelfKept, { end }: CertificatePoint, { left, stranger }: Crashed): Promise<void> {
  if (end === 'renewed') return assertRenewed(kept, left);
  // What the registration carried before stays in it, so that nobody who serves by it is refused.
  if (end === 'adopted') for (const bundle of await kept.bundles()) assert.ok(bundle.includes(stranger.trim()));
  else if (left !== undefined) assert.deepEqual(await kept.secret(), left, 'no second authority is made');
}

/** The renewal goes on where the crash left it: what was introduced signs in the end, alone, and the API server knows. */
async function assertRenewed(kept: SelfKept, left: Texts = {}): Promise<void> {
  const begun = left['next.crt'] ?? (left['retired.json'] === '[]' ? undefined : left['signing.crt']);
  await untilTrue('the old authority to be let go', async () => {
    const { 'signing.crt': signing = '', 'next.crt': next, 'retired.json': retired } = (await kept.secret()) ?? {};
    const isOver = next === undefined && retired === '[]' && expiry(signing) > Date.now() + 48 * 3_600_000;
    return isOver && (await kept.bundles()).every((bundle) => bundle.trim() === signing.trim());
  });
  if (begun !== undefined) assert.equal((await kept.secret())?.['signing.crt'], begun, 'no third authority is made');
}

const expiry = (pem: string) => Date.parse(certificatesIn(pem)[0]?.validTo ?? '');
