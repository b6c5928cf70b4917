import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../kube/client.ts';
import type { ServicePlace } from './registration.ts';

/** One requirement of a namespaceSelector, as the API server writes it. */
export interface Expression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

/** What the registration has to say, beside whose answer is to be trusted. */
export interface WantedWebhook {
  readonly service: ServicePlace & { readonly port: number };
  readonly failurePolicy: 'Fail' | 'Ignore';
  /** Which namespaces' evictions the hook is asked about. */
  readonly namespaces: readonly Expression[];
}

/**
 * The one webhook of the registration, but for its caBundle. Every field that the API server would fill in is written
 * out, so that what it stores can be compared.
 */
export function webhookOf({ service, failurePolicy, namespaces }: WantedWebhook): Webhook {
  return {
    // Drainers print this name before the hook's answer.
    name: `${service.name}.${service.namespace}.svc`,
    clientConfig: {
      service: { namespace: service.namespace, name: service.name, path: '/eviction', port: service.port },
    },
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE'],
        resources: ['pods/eviction'],
        scope: 'Namespaced',
      },
    ],
    failurePolicy,
    // An eviction asked for in policy/v1beta1 is the same eviction.
    matchPolicy: 'Equivalent',
    namespaceSelector: { matchExpressions: namespaces },
    // No condition on the object: it is the eviction, not the pod, so there is nothing to select by.
    objectSelector: {},
    sideEffects: 'NoneOnDryRun',
    // The hook answers before this is over, in doubt with 429.
    timeoutSeconds: 10,
    admissionReviewVersions: ['v1'],
  };
}

export interface Webhook extends JsonObject {
  readonly clientConfig: { readonly service: object };
  readonly namespaceSelector: { readonly matchExpressions: readonly Expression[] };
}

/**
 * What AKS adds to every selector, so that no webhook touches its own namespaces. To remove it would be a fight without
 * end (Azure/AKS#1771). None of them lets a pod go that somebody would want protected.
 */
export const TOLERATED: readonly Expression[] = [
  { key: 'control-plane', operator: 'DoesNotExist' },
  { key: 'control-plane', operator: 'NotIn', values: ['true'] },
  { key: 'kubernetes.azure.com/managedby', operator: 'NotIn', values: ['aks'] },
];

/** Whether it is what a platform adds to the selector, and may keep there. */
export function isTolerated(one: Expression): boolean {
  return TOLERATED.some((known) => isDeepStrictEqual(one, known));
}

/**
 * The names of the fields in which a stored webhook is not the wanted one; `webhooks` if there are others beside it or it
 * is missing. Its caBundle is not compared.
 */
export function differences(stored: readonly JsonObject[], own: JsonObject | undefined, wanted: Webhook): string[] {
  if (own === undefined || stored.length !== 1) return ['webhooks'];
  const { clientConfig, ...rest } = own;
  const { caBundle: _, ...callee } = (clientConfig ?? {}) as JsonObject;
  const found: JsonObject = { ...rest, clientConfig: callee };
  const fields = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...fields].filter((field) => !isDeepStrictEqual(found[field], wanted[field])).sort();
}
