import type { ApiClient } from '../kube/client.ts';
import { ApiError, ApiUnreachableError, describeError } from '../kube/errors.ts';
import { describePermission, type Permission, type Purpose } from '../kube/permissions.ts';

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
/** Until all is granted. An administrator who adds a rule wants to see that it was the right one. */
const RETRY_MS = 5_000;

export interface PermissionCheckOptions {
  readonly client: Pick<ApiClient, 'json'>;
  readonly permissions: readonly Permission[];
  setTimer(callback: () => void, ms: number): { cancel(): void };
  /** Once for each permission that turns out to be missing. */
  onMissing(permission: Permission): void;
  /** Once, when nothing is missing. */
  onGranted(): void;
  /** The check could not be made, or not in full, once for each cause in a row; it is made again. */
  onFailed(error: unknown): void;
}

/** What the API server says of one permission; `doubt` where an authorizer failed, so that its no says nothing. */
type Answer = { readonly allowed: boolean; readonly doubt?: string };

/**
 * Asks the API server, before the hook is ready, whether it will allow all that the hook is going to do; a missing
 * permission would else come to light in the middle of a drain. One that no answer needs is told, and does not keep the
 * hook out of service. It ends when all is granted: what is revoked later is an API error like any other, and no reason to
 * take the hook out of service either.
 */
export class PermissionCheck {
  readonly #options: PermissionCheckOptions;
  readonly #stop = new AbortController();
  #problem: string | undefined = 'permissions have not been checked';
  #missing: readonly Permission[] = [];
  #failure: string | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(options: PermissionCheckOptions) {
    this.#options = options;
  }

  /** Why this keeps the hook unready; undefined if it does not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** How many are missing, as far as is known. */
  missing(purpose: Purpose): number {
    return this.#missing.filter((permission) => permission.purpose === purpose).length;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    const isDone = await this.#check();
    if (isDone || this.#stop.signal.aborted) return;
    this.#timer = this.#options.setTimer(() => void this.#run(), RETRY_MS);
  }

  /** Whether all is granted. */
  async #check(): Promise<boolean> {
    try {
      const answers = await Promise.all(this.#options.permissions.map((permission) => this.#ask(permission)));
      this.#learn(answers);
      return answers.every(({ allowed }) => allowed);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#learnNothing(error);
      return false;
    }
  }

  #learn(answers: readonly Answer[]): void {
    const { permissions, onMissing, onGranted } = this.#options;
    const before = this.#missing;
    this.#missing = permissions.filter((permission, i) => {
      const { allowed, doubt } = answers[i] as Answer;
      return !allowed && (doubt === undefined || before.includes(permission));
    });
    const needed = this.#missing.filter(({ purpose }) => purpose === 'answers').map(describePermission);
    this.#problem = needed.length === 0 ? undefined : `permissions are missing: ${needed.join(', ')}`;
    for (const permission of this.#missing) if (!before.includes(permission)) onMissing(permission);
    this.#tellFailure(answers.find(({ doubt }) => doubt !== undefined)?.doubt);
    if (answers.every(({ allowed }) => allowed)) onGranted();
  }

  #learnNothing(error: unknown): void {
    this.#tellFailure(error);
    // Where asking itself is refused, there will never be an answer; that must not keep the hook out of service.
    if (isRefused(error)) this.#problem = undefined;
  }

  #tellFailure(error: unknown): void {
    const failure = error === undefined ? undefined : describeError(error);
    if (failure !== undefined && failure !== this.#failure) this.#options.onFailed(error);
    this.#failure = failure;
  }

  async #ask({ verb, group, resource, namespace, name }: Permission): Promise<Answer> {
    const resourceAttributes = { verb, group, resource, ...(namespace && { namespace }), ...(name && { name }) };
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    };
    const answer = await this.#options.client.json({ method: 'POST', path: PATH, body, signal: this.#stop.signal });
    const { allowed, denied, evaluationError } = (answer?.status ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof allowed !== 'boolean') throw new ApiUnreachableError(`POST ${PATH}`, 'the answer says nothing');
    const isDoubtful = !allowed && denied !== true && typeof evaluationError === 'string' && evaluationError !== '';
    return { allowed, ...(isDoubtful && { doubt: `POST ${PATH}: ${evaluationError}` }) };
  }
}

/** By default everybody may ask (system:basic-user); a cluster can have taken that away, or not serve it. */
const isRefused = (error: unknown) => error instanceof ApiError && [403, 404, 405].includes(error.code);
