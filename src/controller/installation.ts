import { ApiError } from '../kube/errors.ts';
import { HOOK_LABEL, type Reads } from '../kube/reads.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';

export interface InstallationOptions {
  readonly reads: Pick<Reads, 'isInstalled'>;
  /** The name of the registration. */
  readonly registration: string;
  readonly log: Log;
}

/** An installation registers last, when a replica answers: so also the time until the first look. */
export const INSTALLATION_LOOK_MS = 60_000;

/**
 * Says if the registration that names this installation does not exist. Other installations then take this one for
 * removed, and do not leave its entries alone. Evictions are answered all the same, so the hook stays ready.
 */
export class InstallationReconciler implements Reconciler<'installation'> {
  readonly kind = 'installation';
  readonly idOf = (key: 'installation') => key;
  readonly #options: InstallationOptions;
  #isMissing = false;

  constructor(options: InstallationOptions) {
    this.#options = options;
  }

  async reconcile(_key: 'installation', signal: AbortSignal): Promise<ReconcileResult> {
    const { reads, registration } = this.#options;
    try {
      this.#learn(await reads.isInstalled(registration, signal));
    } catch (error) {
      // The check of permissions reports it.
      if (!(error instanceof ApiError && error.code === 403)) throw error;
    }
    return { requeueAfterMs: INSTALLATION_LOOK_MS };
  }

  #learn(isThere: boolean): void {
    if (isThere !== this.#isMissing) return;
    this.#isMissing = !isThere;
    const { registration, log } = this.#options;
    if (isThere) log.info(LOG.installationFound, { registration });
    else log.warn(LOG.installationMissing, { registration, label: HOOK_LABEL });
  }
}
