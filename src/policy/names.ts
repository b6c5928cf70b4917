/** A name without dots, as a namespace and a Service have it: a DNS label. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * The name of a pod and of most other objects: a DNS subdomain. Two dots in a row pass, though the API server refuses them:
 * what matters here is that such a name can stand in a path.
 */
export const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Keys of labels and annotations as the API server admits them: an optional DNS subdomain of at most 253 characters and a
 * slash, then a name of at most 63. Here two dots in a row are refused: the API server would refuse each mark.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
export const LABEL_KEY =
  /^(?:(?=[^/]{1,253}\/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Values of labels; an empty one is a value too. */
export const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
