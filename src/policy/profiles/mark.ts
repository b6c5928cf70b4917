import type { Pod } from '../model.ts';
import { unseenProblem } from '../names.ts';

/** How a pod is marked for its operator to move. */
export interface MarkOfProfile {
  /** Of the annotation, or of the label. */
  readonly key: string;
  readonly isLabel?: true;
  /** Its value, with placeholders: `{now}`, `{uid}`, `{node}`, `{ordinal}` and `{label:KEY}`. */
  readonly value: string;
  /** `present`: any value is a mark, and is never overwritten. `exact`: only this one is. */
  readonly match: 'exact' | 'present';
}

/** Where an object carries it. */
export const placeOf = ({ isLabel }: { readonly isLabel?: true }) => (isLabel ? 'labels' : 'annotations');

/** What the value of a mark may depend on. */
export type MarkedPod = Pick<Pod, 'name' | 'uid' | 'labels' | 'node'>;

const PLACEHOLDER = /\{(now|uid|node|ordinal|label:[^{}]+)\}/g;
const IN_BRACES = /\{([^{}]*)\}/g;
const LABEL = 'label:';
const OF_POD = ['now', 'uid', 'node', 'ordinal'];
/** All annotations of a pod together may have 256 KiB. */
const VALUE_MAX = 1_000;

/** The value of the mark that the pod gets at that instant. What a pod does not have is empty; other braces stay. */
export function markValue(template: string, pod: MarkedPod, now: number): string {
  return template.replace(PLACEHOLDER, (_, name: string) => placeholder(name, pod, now));
}

/** Whether a pod with that value of the annotation is marked. */
export function matchesMark({ value: template, match }: MarkOfProfile, value: string, pod: MarkedPod): boolean {
  return match === 'present' || value === markValue(template, pod, 0);
}

/** Whether the value is what the pod gets, at whatever instant. */
export function isMadeFor(template: string, value: string, pod: MarkedPod): boolean {
  const parts = template.split('{now}').map((part) => RegExp.escape(markValue(part, pod, 0)));
  return new RegExp(`^${parts.join(INSTANT)}$`).test(value);
}

/** As `{now}` is written. */
const INSTANT = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ';

/** The first of its placeholders, with the braces; undefined if the value is the same for every pod. */
export function placeholderIn(template: string): string | undefined {
  return template.match(PLACEHOLDER)?.[0];
}

/** The labels that the value is made of. */
export function labelsIn(template: string): readonly string[] {
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
  return names.flatMap((name) => (name.startsWith(LABEL) ? [name.slice(LABEL.length)] : []));
}

/** Why no pod can carry the value, or no operator obeys it; placeholders apart. */
export function valueProblem(value: string): string | undefined {
  if (value.length > VALUE_MAX) return `has ${value.length} characters; ${VALUE_MAX} are the most`;
  if (!value.isWellFormed()) return 'has half a character, which the API server would replace';
  return unseenProblem(value);
}

/** Why nobody can use the mark, as the end of a sentence that begins with its value; undefined if it is right. */
export function markProblem({ value, match }: Pick<MarkOfProfile, 'value' | 'match'>): string | undefined {
  const problem = valueProblem(value);
  if (problem !== undefined) return problem;
  const names = [...value.matchAll(IN_BRACES)].map(([, name = '']) => name);
  const unknown = names.find((name) => !OF_POD.includes(name) && !/^label:./.test(name));
  if (unknown !== undefined) {
    return `has {${unknown}}, which is none of ${OF_POD.map((name) => `{${name}}`).join(', ')} and {label:KEY}`;
  }
  if (!names.includes('now') || match === 'present') return undefined;
  return 'has {now}, which is another one each time: it needs match: present';
}

function placeholder(name: string, { name: podName, uid, node = '', labels }: MarkedPod, now: number): string {
  switch (name) {
    case 'now':
      return `${new Date(now).toISOString().slice(0, 19)}Z`;
    case 'uid':
      return uid;
    case 'node':
      return node;
    case 'ordinal':
      return /-(\d+)$/.exec(podName)?.[1] ?? '';
    default:
      return labels[name.slice(LABEL.length)] ?? '';
  }
}
