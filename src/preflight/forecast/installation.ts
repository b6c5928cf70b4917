import type { Rival } from '../../policy/profiles/rivals.ts';
import type { Check } from './findings.ts';

/** What the API server and the machine that runs the command say of the certificate. */
export type Handshake =
  | { readonly kind: 'verified'; readonly until: string }
  | { readonly kind: 'refused'; readonly why: string }
  /** Nobody could connect from here, which says nothing of the API server. */
  | { readonly kind: 'unseen'; readonly why: string };

/** What was read of the hook that answers. */
export interface InstallationFacts {
  /** The name of its registration. */
  readonly name: string;
  readonly settingsFrom: string;
  readonly profiles: readonly string[];
  /** How many webhooks of the registration are asked about evictions. */
  readonly webhooks: number;
  /** Whether evictions go on without the hook while nobody answers. */
  readonly isFailOpen: boolean;
  /** Of the namespaces of the protected pods, those about which the hook is not asked. */
  readonly uncovered: readonly string[];
  /** Whether a condition decides of it, too, which cannot be judged from outside. */
  readonly hasConditions: boolean;
  /** How many addresses of its Service are ready; absent if nobody could look. */
  readonly readyAddresses?: number;
  /** Why the caBundle of the registration verifies nothing; absent if it may. */
  readonly bundleProblem?: string;
  readonly handshake: Handshake;
  /** Absent: nobody could look. */
  readonly rivals?: readonly Rival[];
  /** The names of the other installations, whose pods this forecast does not protect. */
  readonly otherInstallations: readonly string[];
  /** The kinds of custom resources that may say that an operator is paused, and cannot be read. */
  readonly unreadReports: readonly string[];
  readonly versions: { readonly command: string; readonly hook: readonly string[]; readonly server: string };
}

/** Whether the hook will be there when the drain needs it. */
export function installationChecks(facts: InstallationFacts): Check[] {
  return [
    registered(facts),
    reachable(facts),
    certificate(facts),
    covers(facts),
    rivals(facts),
    ...reports(facts),
    ...others(facts),
    versions(facts),
  ];
}

const ok = (check: string, text: string): Check => ({ check, result: 'ok', text, remedy: '' });
const unknown = (check: string, text: string, remedy = ''): Check => ({ check, result: 'unknown', text, remedy });
const wrong = (check: string, text: string, remedy: string): Check => ({ check, result: 'wrong', text, remedy });

function registered({ name, webhooks }: InstallationFacts): Check {
  if (webhooks > 0) return ok('registered', `${name} asks the hook about evictions.`);
  const text = `${name} has no webhook for evictions, so protected pods would be evicted like all others.`;
  return wrong('registered', text, 'Look whether a replica runs: it fills the registration.');
}

/** What becomes of evictions if the hook does not answer. */
const consequence = ({ isFailOpen }: InstallationFacts) =>
  isFailOpen ? 'Protected pods would be evicted.' : 'Every eviction would fail, and the drain hang.';

function reachable(facts: InstallationFacts): Check {
  const { readyAddresses, handshake } = facts;
  if (handshake.kind === 'verified') return ok('reachable', 'It answers.');
  if (readyAddresses === undefined) return unknown('reachable', 'Its addresses cannot be read from here.');
  if (readyAddresses > 0) return ok('reachable', `Replicas that are ready: ${readyAddresses}.`);
  const text = `No replica is ready. ${consequence(facts)}`;
  return wrong('reachable', text, 'Look at its pods: kubectl get pods -A -l app.kubernetes.io/name=reschedule-hook');
}

/** A replica is ready only if its certificate verifies against the registration, so its readiness says it, too. */
function certificate(facts: InstallationFacts): Check {
  const { bundleProblem, handshake, readyAddresses = 0 } = facts;
  const remedy = 'Look at docs/operations.md, on certificates.';
  if (bundleProblem !== undefined && handshake.kind !== 'verified') {
    return wrong('certificate', `The caBundle ${bundleProblem}. ${consequence(facts)}`, remedy);
  }
  switch (handshake.kind) {
    case 'verified':
      return ok('certificate', `It verifies against the registration, until ${handshake.until}.`);
    case 'refused':
      return wrong('certificate', `It does not verify: ${handshake.why}. ${consequence(facts)}`, remedy);
    case 'unseen':
      if (readyAddresses > 0) return ok('certificate', 'Ready replicas have verified it against the registration.');
      return unknown('certificate', `It cannot be seen from here: ${handshake.why}.`);
  }
}

function covers({ uncovered, hasConditions, webhooks }: InstallationFacts): Check {
  if (uncovered.length > 0 || webhooks === 0) {
    const which = uncovered.length === 0 ? 'any namespace' : uncovered.join(', ');
    const text = `The API server does not ask the hook about evictions in ${which}: protected pods there are evicted.`;
    return wrong('covers', text, 'Look at PROTECT_NAMESPACES, and at the labels of these namespaces.');
  }
  if (!hasConditions) return ok('covers', 'The API server asks it about the namespaces of these pods.');
  return unknown('covers', 'The registration has matchConditions, which cannot be judged from here.');
}

function rivals({ rivals: found }: InstallationFacts): Check {
  if (found === undefined) return unknown('rivals', 'Registrations cannot be listed from here.');
  if (found.length === 0) return ok('rivals', 'No webhook conflicts with a profile.');
  const names = found.map(({ rival, registration, profile }) => `${rival} of ${registration} (${profile})`).join(', ');
  const text = `Webhooks conflict with a profile, and may answer before the hook: ${names}.`;
  return wrong('rivals', text, 'Remove them as docs/operators.md says.');
}

function reports({ unreadReports }: InstallationFacts): Check[] {
  if (unreadReports.length === 0) return [];
  const text = `What operators report cannot be read, so one that is paused is not seen: ${unreadReports.join(', ')}.`;
  return [unknown('reports', text, 'Ask for the right to list and watch them.')];
}

function others({ otherInstallations }: InstallationFacts): Check[] {
  if (otherInstallations.length === 0) return [];
  const text = `The pods of other installations are not judged here: ${otherInstallations.join(', ')}.`;
  return [unknown('others', text, 'Ask again with --installation for each.')];
}

function versions({ versions: { command, hook, server } }: InstallationFacts): Check {
  const text = `The hook is ${hook.join(' and ') || 'of an unknown version'}, this command ${command}, Kubernetes ${server}.`;
  if (hook.length > 1) {
    return unknown('versions', text, 'Wait until the update of the hook is over: its replicas differ.');
  }
  if (hook[0] === undefined || hook[0] === command) return ok('versions', text);
  return unknown('versions', text, 'The forecast follows the rules of this command. Use the one of the hook.');
}
