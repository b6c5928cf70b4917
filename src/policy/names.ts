/** A DNS label: a name without dots, such as the name of a namespace or a Service. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * A DNS subdomain: the name of a pod and of most other objects. The pattern accepts two dots in a row, although the API
 * server refuses them. It only has to ensure that the name is safe in a path.
 */
export const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Keys of labels and annotations as the API server accepts them: an optional prefix with a slash, then a name. The
 * prefix is a DNS subdomain of at most 253 characters; the name has at most 63. The pattern refuses two dots in a row,
 * because the API server would refuse each mark with such a key.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
export const LABEL_KEY =
  /^(?:(?=[^/]{1,253}\/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Values of labels. An empty value is valid. */
export const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** A UID. The API server makes UUIDs, and promises nothing about their form. */
export const UID = /^[!-~]{1,64}$/;

/** The name of a field manager, as far as a message may quote it: printable, without spaces, and short. */
export const MANAGER = /^[-A-Za-z0-9_.:/]{1,63}$/;

/** White space or a format character at an end, or a control character anywhere. JSON may have several lines. */
const UNSEEN = /^[\s\p{Cf}]|[\s\p{Cf}]$|(?![\t\n\r])\p{Cc}/u;

/**
 * Why nobody means a text that is to be compared exactly, as the end of a sentence; undefined if it is right. A value from a file
 * often ends in a line break, and no operator takes `true` with one for `true`.
 */
export function unseenProblem(text: string): string | undefined {
  if (!UNSEEN.test(text)) return undefined;
  const shown = JSON.stringify(text).replace(/[\p{C}\p{Z}]/gu, (one) => (one === ' ' ? one : escapeOf(one)));
  return `is ${shown}; take out the white space at its ends, and control characters`;
}

const escapeOf = (one: string) => `\\u{${one.codePointAt(0)?.toString(16)}}`;

/** The longest text that the API server accepts as a name; a taint or a label has at most 317 characters. */
const LONGEST = 317;

/**
 * A text to keep for as long as its object exists. Everything that the hook compares is shorter than the limit, because
 * the API server checks it. It does not check the names of owners, which can weigh a megabyte.
 */
export function short(text: string | undefined, longest = LONGEST): string {
  if (typeof text !== 'string') return '';
  if (text.length <= longest) return text;
  // A slice would keep the whole text alive.
  return Buffer.from(text.slice(0, longest)).toString();
}
