/**
 * Keys of labels and annotations as the API server admits them: an optional DNS subdomain of at most 253 characters and a
 * slash, then a name of at most 63. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
export const LABEL_KEY =
  /^(?:(?=[^/]{1,253}\/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Values of labels; an empty one is a value too. */
export const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
