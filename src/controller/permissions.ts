import type { ApiClient } from '../kube/client.ts';
import { ApiError, ApiUnreachableError, describeError } from '../kube/errors.ts';
import { describePermission, type Permission, type Purpose, ruleFor } from '../kube/permissions.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
/** Until all is granted. An administrator who adds a rule wants to see that it was the right one. */
const RETRY_MS = 5_000;

export interface PermissionOptions {
  readonly client: Pick<ApiClient, 'json'>;
  readonly permissions: readonly Permission[];
  readonly log: Log;
}

/** What the API server says of one permission; `doubt` where an authorizer failed, so that its no says nothing. */
type Reply = { readonly allowed: boolean; readonly doubt?: string };

/**
 * Asks the API server, before the hook is ready, whether it will allow all that the hook is going to do. A missing
 * permission would otherwise come to light in the middle of a drain. One that no answer needs is reported, and does not
 * keep the hook out of service. It ends when all is granted: what is revoked later is an API error like any other, and no
 * reason to take the hook out of service either.
 */
export class PermissionReconciler implements Reconciler<'permissions'> {
  readonly kind = 'permissions';
  readonly idOf = (key: 'permissions') => key;
  readonly #options: PermissionOptions;
  #problem: string | undefined = 'permissions have not been checked';
  #missing: readonly Permission[] = [];
  #failure: string | undefined;

  constructor(options: PermissionOptions) {
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

  /** Looks again until all is granted. That the check failed is logged here, once for each cause in a row, and not retried faster. */
  async reconcile(_key: 'permissions', signal: AbortSignal): Promise<ReconcileResult> {
    try {
      const replies = await Promise.all(this.#options.permissions.map((permission) => this.#ask(permission, signal)));
      this.#learn(replies);
      return replies.every(({ allowed }) => allowed) ? {} : { requeueAfterMs: RETRY_MS };
    } catch (error) {
      signal.throwIfAborted();
      this.#reportFailure(error);
      // Where asking itself is refused, there will never be an answer; that must not keep the hook out of service.
      if (isRefused(error)) this.#problem = undefined;
      return { requeueAfterMs: RETRY_MS };
    }
  }

  #learn(replies: readonly Reply[]): void {
    const { permissions, log } = this.#options;
    const before = this.#missing;
    this.#missing = permissions.filter((permission, i) => {
      const { allowed, doubt } = replies[i] as Reply;
      return !allowed && (doubt === undefined || before.includes(permission));
    });
    const needed = this.#missing.filter(({ purpose }) => purpose === 'answers').map(describePermission);
    this.#problem = needed.length === 0 ? undefined : `permissions are missing: ${needed.join(', ')}`;
    for (const permission of this.#missing) if (!before.includes(permission)) this.#reportMissing(permission);
    this.#reportFailure(replies.find(({ doubt }) => doubt !== undefined)?.doubt);
    if (replies.every(({ allowed }) => allowed)) log.info(LOG.permissionsGranted);
  }

  #reportMissing(permission: Permission): void {
    const level = permission.purpose === 'answers' ? 'error' : 'warn';
    this.#options.log[level](LOG.permissionMissing, {
      permission: describePermission(permission),
      rule: ruleFor(permission),
    });
  }

  #reportFailure(error: unknown): void {
    const failure = error === undefined ? undefined : describeError(error);
    if (failure !== undefined && failure !== this.#failure) {
      this.#options.log.warn(LOG.permissionsUnknown, { error: failure });
    }
    this.#failure = failure;
  }

  async #ask({ verb, group, resource, namespace, name }: Permission, signal: AbortSignal): Promise<Reply> {
    const resourceAttributes = { verb, group, resource, ...(namespace && { namespace }), ...(name && { name }) };
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    };
    const answer = await this.#options.client.json({ method: 'POST', path: PATH, body, signal });
    const { allowed, denied, evaluationError } = (answer?.status ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof allowed !== 'boolean') throw new ApiUnreachableError(`POST ${PATH}`, 'the answer says nothing');
    const isDoubtful = !allowed && denied !== true && typeof evaluationError === 'string' && evaluationError !== '';
    return { allowed, ...(isDoubtful && { doubt: `POST ${PATH}: ${evaluationError}` }) };
  }
}

/** By default everybody may ask (system:basic-user); a cluster can have taken that away, or not serve it. */
const isRefused = (error: unknown) => error instanceof ApiError && [403, 404, 405].includes(error.code);
