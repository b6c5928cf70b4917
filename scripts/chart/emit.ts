import { stringify } from 'yaml';
import type { Node, Scalar } from './tree.ts';

/** What stands in manifests and is another in each release: the text, and the template in its place. */
export type Replacements = readonly (readonly [text: string, template: string])[];

/** A tree as lines of a template of Helm. */
export function emit(node: Node, replacements: Replacements, indent = 0): string[] {
  switch (node.kind) {
    case 'map':
      return node.entries.flatMap(([key, value]) => emitEntry(key, value, replacements, indent));
    case 'list':
      return node.items.flatMap((item) => emitItem(item, replacements, indent));
    case 'choice':
      return emitChoice(node, (one) => emit(one, replacements, indent));
    case 'block':
      return [...node.lines(indent)];
    default:
      return [pad(indent) + inlineOf(node, replacements, indent)];
  }
}

function emitEntry(key: string, node: Node, replacements: Replacements, indent: number): string[] {
  const written = scalarText(key, replacements, indent);
  switch (node.kind) {
    case 'choice':
      return emitChoice(node, (one) => emitEntry(key, one, replacements, indent));
    case 'block':
      // It brings its own key.
      return emit(node, replacements, indent);
    case 'map':
      if (node.entries.length === 0) return [`${pad(indent)}${written}: {}`];
      return [`${pad(indent)}${written}:`, ...emit(node, replacements, indent + 2)];
    case 'list':
      if (node.items.length === 0) return [`${pad(indent)}${written}: []`];
      return [`${pad(indent)}${written}:`, ...emit(node, replacements, indent + 2)];
    default:
      return [`${pad(indent)}${written}: ${inlineOf(node, replacements, indent)}`];
  }
}

function emitItem(node: Node, replacements: Replacements, indent: number): string[] {
  if (node.kind === 'choice') return emitChoice(node, (one) => emitItem(one, replacements, indent));
  if (node.kind === 'block') return emit(node, replacements, indent);
  if (node.kind === 'map' || node.kind === 'list') {
    const [first = '', ...more] = emit(node.kind === 'map' ? nameFirst(node) : node, replacements, indent + 2);
    if (first.startsWith('{{')) throw new Error('the first entry of an item depends on values');
    return [`${pad(indent)}- ${first.slice(indent + 2)}`, ...more];
  }
  return [`${pad(indent)}- ${inlineOf(node, replacements, indent)}`];
}

function emitChoice(node: Extract<Node, { kind: 'choice' }>, emitOne: (one: Node) => string[]): string[] {
  const { options, otherwise } = node;
  const [first] = options;
  if (options.length === 1 && first !== undefined && first.node === undefined && otherwise !== undefined) {
    return [`{{- if not (${first.when}) }}`, ...emitOne(otherwise), '{{- end }}'];
  }
  return [
    ...options.flatMap(({ when, node }, index) => [
      `{{- ${index === 0 ? 'if' : 'else if'} ${when} }}`,
      ...(node === undefined ? [] : emitOne(node)),
    ]),
    ...(otherwise === undefined ? [] : ['{{- else }}', ...emitOne(otherwise)]),
    '{{- end }}',
  ];
}

function inlineOf(node: Node, replacements: Replacements, indent: number): string {
  if (node.kind === 'inline') return node.text;
  if (node.kind === 'scalar') return scalarText(node.value, replacements, indent);
  throw new Error(`a ${node.kind} is no scalar`);
}

function scalarText(value: Scalar, replacements: Replacements, indent: number): string {
  // Below a key, so that a text of several lines is indented.
  const below = stringify({ k: value }, { lineWidth: 0 }).slice('k: '.length);
  const [first = '', ...more] = below.trimEnd().split('\n');
  const written = [first, ...more.map((line) => (line === '' ? '' : pad(indent) + line))].join('\n');
  // Braces of others: Prometheus' own templates.
  const escaped = written.replaceAll('{{', '{{ "{{" }}');
  const replaced = replacements.reduce((text, [from, to]) => text.replaceAll(from, to), escaped);
  // A namespace may be called 1234.
  return replaced === escaped || /["'\\\n]/.test(escaped) ? replaced : `"${replaced}"`;
}

/** The dash stands before what is always there. */
function nameFirst(node: Extract<Node, { kind: 'map' }>): Node {
  const isName = ([key]: readonly [string, Node]) => key === 'name';
  return { kind: 'map', entries: [...node.entries.filter(isName), ...node.entries.filter((one) => !isName(one))] };
}

const pad = (indent: number) => ' '.repeat(indent);
