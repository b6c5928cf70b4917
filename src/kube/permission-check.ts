import type { ApiClient } from './client.ts';
import { ApiError, ApiUnreachableError, describeError } from './errors.ts';
import { describePermission, type Permission } from './permissions.ts';

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
  /** The check could not be made, once for each cause in a row; it is made again. */
  onFailed(error: unknown): void;
}

/**
 * Asks the API server, before the hook is ready, whether it will allow all that the hook is going to do; a missing
 * permission would else come to light in the middle of a drain. It ends when all is granted: what is revoked later is an
 * API error like any other, and no reason to take the hook out of service.
 */
export class PermissionCheck {
  readonly #options: PermissionCheckOptions;
  readonly #stop = new AbortController();
  #problem: string | undefined = 'permissions have not been checked';
  #missing: readonly string[] = [];
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
  get missing(): number {
    return this.#missing.length;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    const isGranted = await this.#check();
    if (isGranted || this.#stop.signal.aborted) return;
    this.#timer = this.#options.setTimer(() => void this.#run(), RETRY_MS);
  }

  /** Whether all is granted. */
  async #check(): Promise<boolean> {
    const { permissions } = this.#options;
    try {
      const answers = await Promise.all(permissions.map((permission) => this.#isGranted(permission)));
      return this.#learn(permissions.filter((_, i) => answers[i] === false));
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#learnNothing(error);
      return false;
    }
  }

  #learn(missing: readonly Permission[]): boolean {
    const { onMissing, onGranted } = this.#options;
    const before = this.#missing;
    this.#failure = undefined;
    this.#missing = missing.map(describePermission);
    this.#problem = missing.length === 0 ? undefined : `permissions are missing: ${this.#missing.join(', ')}`;
    for (const permission of missing) if (!before.includes(describePermission(permission))) onMissing(permission);
    if (missing.length === 0) onGranted();
    return missing.length === 0;
  }

  #learnNothing(error: unknown): void {
    const failure = describeError(error);
    if (failure !== this.#failure) this.#options.onFailed(error);
    this.#failure = failure;
    // Where asking itself is refused, there will never be an answer; that must not keep the hook out of service.
    if (isRefused(error)) this.#problem = undefined;
  }

  async #isGranted({ verb, group, resource, namespace, name }: Permission): Promise<boolean> {
    const resourceAttributes = { verb, group, resource, ...(namespace && { namespace }), ...(name && { name }) };
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    };
    const answer = await this.#options.client.json({ method: 'POST', path: PATH, body, signal: this.#stop.signal });
    const { allowed } = (answer?.status ?? {}) as { allowed?: unknown };
    if (typeof allowed !== 'boolean') throw new ApiUnreachableError(`POST ${PATH}`, 'the answer says nothing');
    return allowed;
  }
}

/** By default everybody may ask (system:basic-user); a cluster can have taken that away, or not serve it. */
const isRefused = (error: unknown) => error instanceof ApiError && [403, 404, 405].includes(error.code);
