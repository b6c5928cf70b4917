import type { ApiClient } from '../kube/client.ts';
import { ApiError, ApiUnreachableError, describeError } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/guarded-objects.ts';
import { describePermission, type Permission, type Purpose, ruleFor } from '../kube/permissions.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { MarkOfProfile } from '../policy/profiles/mark.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
/** Until all is granted. An administrator who adds a rule wants to see that it was the right one. */
const RETRY_MS = 5_000;

export interface PermissionOptions {
  readonly client: Pick<ApiClient, 'json'>;
  readonly permissions: readonly Permission[];
  /** A pod on which marks are tried without writing them: its own. Absent if the hook runs in none. */
  readonly trial?: { readonly path: string; readonly marks: readonly Pick<MarkOfProfile, 'key' | 'isLabel'>[] };
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
  /** Why the admission policy of the installation refuses marks. */
  #refusal: string | undefined;

  constructor(options: PermissionOptions) {
    this.#options = options;
  }

  /** Why this keeps the hook unready; undefined if it does not. */
  get problem(): string | undefined {
    return this.#problem ?? (this.#refusal && `marks are refused: ${this.#refusal}`);
  }

  /** How many are missing, as far as is known. */
  missing(purpose: Purpose): number {
    return this.#missing.filter((permission) => permission.purpose === purpose).length;
  }

  /** Looks again until all is granted. That the check failed is logged here, once for each cause in a row, and not retried faster. */
  async reconcile(_key: 'permissions', signal: AbortSignal): Promise<ReconcileResult> {
    try {
      const replies = await Promise.all(this.#options.permissions.map((permission) => this.#ask(permission, signal)));
      this.#reportRefusal(await this.#tryMark(signal));
      this.#learn(replies);
      return this.#isAll(replies) ? {} : { requeueAfterMs: RETRY_MS };
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
    if (this.#isAll(replies)) log.info(LOG.permissionsGranted);
  }

  #isAll(replies: readonly Reply[]): boolean {
    return replies.every(({ allowed }) => allowed) && this.#refusal === undefined;
  }

  #reportMissing(permission: Permission): void {
    const level = permission.purpose === 'answers' ? 'error' : 'warn';
    this.#options.log[level](LOG.permissionMissing, {
      permission: describePermission(permission),
      rule: ruleFor(permission),
    });
  }

  #reportRefusal(refusal: string | undefined): void {
    const { log, trial } = this.#options;
    if (refusal !== undefined && refusal !== this.#refusal) {
      log.error(LOG.markRefused, { annotation: trial?.marks.map(({ key }) => key).join(', '), error: refusal });
    }
    this.#refusal = refusal;
  }

  /** RBAC knows no annotations, but the admission policy does: its manifest has to name the one of the settings. */
  async #tryMark(signal: AbortSignal): Promise<string | undefined> {
    const { client, trial } = this.#options;
    if (trial === undefined) return undefined;
    const { path, marks } = trial;
    const query = { fieldManager: FIELD_MANAGER, dryRun: 'All' };
    const tried = (isLabel: boolean) =>
      Object.fromEntries(marks.flatMap((mark) => ((mark.isLabel ?? false) === isLabel ? [[mark.key, 'true']] : [])));
    const labels = tried(true);
    const metadata = { annotations: tried(false), ...(Object.keys(labels).length > 0 && { labels }) };
    const body = { metadata };
    try {
      await client.json({ method: 'PATCH', path, query, contentType: 'application/merge-patch+json', body, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (isRefusedByPolicy(error, marks)) return describeError(error);
      // Without an answer, what was known stays known.
      if (!(error instanceof ApiError) || error.code === 429 || error.code >= 500) return this.#refusal;
    }
    return undefined;
  }

  #reportFailure(error: unknown): void {
    const failure = error === undefined ? undefined : describeError(error);
    if (failure !== undefined && failure !== this.#failure) {
      this.#options.log.warn(LOG.permissionsUnknown, { error: failure });
    }
    this.#failure = failure;
  }

  async #ask({ verb, group, resource, namespace, name }: Permission, signal: AbortSignal): Promise<Reply> {
    const [plural = '', subresource] = resource.split('/');
    const resourceAttributes = {
      verb,
      group,
      resource: plural,
      ...(subresource && { subresource }),
      ...(namespace && { namespace }),
      ...(name && { name }),
    };
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

/**
 * The policy of config/ names the setting that it is about, and then the annotations that it refuses. Whatever else is said
 * of the hook's own pod says nothing of the pods of others, such as that a webhook changes it meanwhile.
 */
function isRefusedByPolicy(error: unknown, marks: readonly Pick<MarkOfProfile, 'key' | 'isLabel'>[]): boolean {
  if (!(error instanceof ApiError) || error.code !== 403) return false;
  const [, refused = ''] = error.message.split('RESCHEDULE_ANNOTATION_KEY: ');
  const named = refused.split(', ');
  return marks.some(({ key, isLabel }) => (isLabel ? error.message.includes(`labels/${key}`) : named.includes(key)));
}
