import type { Requirement, Selector } from './model.ts';
import { LABEL_KEY, LABEL_VALUE } from './names.ts';

const SET_REQUIREMENT = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EQUALITY = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/;
const EXISTENCE = /^(!?)\s*([^=!\s()]+)$/;

/**
 * Parses a label selector in kubectl's syntax (`a=b,c!=d,e in (f,g),h notin (i),j,!k`). Throws an Error that names the
 * part it cannot read. Refuses an empty selector, because it would select every pod of the cluster.
 */
export function parseSelector(text: string): Selector {
  if (text.trim() === '') throw new Error('is empty: it would select every pod');
  return splitOutsideParentheses(text).map((part) => validated(parseRequirement(part.trim()), part.trim()));
}

/** Whether the labels meet every requirement. As in Kubernetes, `!=` and `notin` also hold if the key is missing. */
export function matches(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) => meets(requirement, labels));
}

/** Writes a selector as the API server reads it in `labelSelector=`. */
export function formatSelector(selector: Selector): string {
  return selector.map(formatRequirement).join(',');
}

function formatRequirement(requirement: Requirement): string {
  switch (requirement.op) {
    case 'in':
      return `${requirement.key} in (${requirement.values.join(',')})`;
    case 'notIn':
      return `${requirement.key} notin (${requirement.values.join(',')})`;
    case 'exists':
      return requirement.key;
    case 'missing':
      return `!${requirement.key}`;
  }
}

function meets(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.op) {
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case 'notIn':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'missing':
      return value === undefined;
  }
}

function parseRequirement(part: string): Requirement {
  const requirement = readSet(part) ?? readEquality(part) ?? readExistence(part);
  if (requirement === undefined) {
    throw new Error(`cannot read "${part}"; write it like app=couchbase,tier in (a,b),!skip`);
  }
  return requirement;
}

function readSet(part: string): Requirement | undefined {
  const [, key, op, values] = SET_REQUIREMENT.exec(part) ?? [];
  if (key === undefined || values === undefined) return undefined;
  return { op: op === 'in' ? 'in' : 'notIn', key, values: values.split(',').map((value) => value.trim()) };
}

function readEquality(part: string): Requirement | undefined {
  const [, key, op, value] = EQUALITY.exec(part) ?? [];
  if (key === undefined || value === undefined) return undefined;
  return { op: op === '!=' ? 'notIn' : 'in', key, values: [value] };
}

function readExistence(part: string): Requirement | undefined {
  const [, not, key] = EXISTENCE.exec(part) ?? [];
  return key === undefined ? undefined : { op: not === '!' ? 'missing' : 'exists', key };
}

function validated(requirement: Requirement, part: string): Requirement {
  if (!LABEL_KEY.test(requirement.key)) throw new Error(`"${requirement.key}" in "${part}" is not a label key`);
  const values = 'values' in requirement ? requirement.values : [];
  for (const value of values) {
    if (!LABEL_VALUE.test(value)) throw new Error(`"${value}" in "${part}" is not a label value`);
  }
  return requirement;
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
