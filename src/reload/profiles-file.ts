import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../async/clock.ts';
import { SELECTORS_MAX } from '../config/profiles/chosen-profiles.ts';
import type { ConfiguredProfile } from '../config/profiles/configured-profile.ts';
import type { ReconcileResult, Reconciler } from '../controller/controller.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import { labelSelectorsOf } from '../policy/profiles/profile.ts';
import { type ProfilePlan, planProfiles, profilesInForce } from './profile-plan.ts';

const LOOK_EVERY_MS = 5_000;

/** PROFILES_FILE, as the process reads it. Both throw an Error that says what is wrong. */
export interface ProfilesFile {
  /** The text. */
  read(): string;
  /** The profiles of that text, together with the settings of the environment. */
  parse(text: string): readonly ConfiguredProfile[];
}

export interface ProfilesFileOptions {
  readonly file: ProfilesFile;
  /** Those that the process began with. */
  readonly profiles: readonly ConfiguredProfile[];
  /** Puts the profiles in force. Until it resolves, and if it throws, those before stay in force. */
  readonly replace: (profiles: readonly ConfiguredProfile[], signal: AbortSignal) => Promise<void>;
  readonly clock: Pick<Clock, 'monotonicNow'>;
  readonly log: Log;
}

type Read = { readonly text: string } & (
  | { readonly profiles: readonly ConfiguredProfile[] }
  | { readonly problem: string }
);

/**
 * Looks every few seconds at PROFILES_FILE, and puts in force what it says. What is added counts at once, and what is
 * removed for five minutes more. A file that is wrong, or that the hook lacks a right for, leaves the last good one in force.
 */
export class ProfilesFileReconciler implements Reconciler<'profiles'> {
  readonly kind = 'profiles';
  readonly idOf = (key: 'profiles') => key;
  readonly #options: ProfilesFileOptions;
  #plan: ProfilePlan;
  #lastRead: Read | undefined;
  #problem: string | undefined;

  constructor(options: ProfilesFileOptions) {
    this.#options = options;
    this.#plan = { written: options.profiles, leaving: [] };
  }

  /** Why what the file says is not in force; undefined if it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async reconcile(_key: 'profiles', signal: AbortSignal): Promise<ReconcileResult> {
    try {
      const read = this.#read();
      const isWrong = 'problem' in read;
      // Also without a good file, what was removed before goes when its time has come.
      await this.#follow(isWrong ? this.#plan.written : read.profiles, signal);
      this.#report(isWrong ? read.problem : undefined);
    } catch (error) {
      signal.throwIfAborted();
      this.#report(describeError(error));
    }
    return { requeueAfterMs: LOOK_EVERY_MS };
  }

  #read(): Read {
    const text = this.#options.file.read();
    if (this.#lastRead?.text !== text) this.#lastRead = this.#parse(text);
    return this.#lastRead;
  }

  #parse(text: string): Read {
    try {
      return { text, profiles: this.#options.file.parse(text) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { text, problem: message.split('\n').join('; ') };
    }
  }

  async #follow(written: readonly ConfiguredProfile[], signal: AbortSignal): Promise<void> {
    const { replace, clock, log } = this.#options;
    const before = this.#plan;
    const plan = planProfiles(before, written, clock.monotonicNow());
    const profiles = profilesInForce(plan);
    if (!isDeepStrictEqual(profiles, profilesInForce(before))) {
      refuseTooMany(profiles);
      await replace(profiles, signal);
      log.info(LOG.profilesChanged, {
        profiles: names(plan.written),
        leaving: names(plan.leaving.map(({ profile }) => profile)),
      });
      for (const { name: profile, warning } of written) {
        if (warning && !before.written.some((one) => one.name === profile)) {
          log.warn(LOG.profileWarning, { profile, warning });
        }
      }
    }
    this.#plan = plan;
  }

  /** Logs a problem once. */
  #report(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.#problem) this.#options.log.warn(LOG.profilesRefused, { problem });
    this.#problem = problem;
  }
}

/** Beside each other, the old profiles and the new ones may have more than the file may have by itself. */
function refuseTooMany(profiles: readonly ConfiguredProfile[]): void {
  const count = labelSelectorsOf({ profiles }).length;
  if (count <= SELECTORS_MAX) return;
  const those = `together with profiles that were removed within the last five minutes, there are ${count} selectors`;
  throw new Error(`${those}, and the hook watches ${SELECTORS_MAX} at most`);
}

const names = (profiles: readonly ConfiguredProfile[]) => profiles.map(({ name }) => name).join(', ') || undefined;
