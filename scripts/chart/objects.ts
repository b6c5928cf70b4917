import { isDeepStrictEqual } from 'node:util';
import type { Conditions } from './conditions.ts';
import { editDeployment, editLabels, editMonitor, editQuota, editService } from './edits.ts';
import { emit, type Replacements } from './emit.ts';
import type { Manifest, Sources } from './sources.ts';
import { joined, merge, type Node, type Variant } from './tree.ts';

/** Helm makes the Namespace, and knows nothing of it afterwards. */
const LEFT_OUT = ['Namespace'];
/** Never replaced: the ports and settings of its containers are what they are by values. */
const REPLACEMENTS: Replacements = [
  ['reschedule-hook-system', '{{ $.Release.Namespace }}'],
  ['reschedule-hook-tls', '{{ $.Values.certificateSecret }}'],
  [
    'cao.couchbase.com/reschedule',
    // Between the quotes of a list of texts.
    '{{ include "reschedule-hook.marks" $ }}',
  ],
];
const HEADER = '{{- /* Made by npm run chart, from config. Change it there. */ -}}';

interface Sourced {
  readonly id: string;
  /** The part of config that brings it, after which the file is called. */
  readonly part: string;
  /** Under which it is there at all, beside what the tree says. */
  readonly when: readonly string[];
  readonly tree: Node;
}

/** The trees of all objects of config, by the part that brings them. */
export function objectsOf(sources: Sources, conditions: Conditions): Sourced[] {
  const variants = sources.additions.flatMap((addition) => {
    const when = conditions.ofAddition(addition.name);
    return when === undefined ? [] : [{ ...addition, when, byId: byId(addition.objects) }];
  });
  const base = byId(sources.base);
  const partOf = new Map(
    sources.folders.flatMap(({ name, objects }) => objects.map((one) => [idOf(one), name] as const)),
  );
  const ids = new Set([...base.keys(), ...variants.flatMap(({ byId }) => [...byId.keys()])]);
  return [...ids].flatMap((id) => {
    const own = base.get(id);
    const bringing = variants.find((variant) => own === undefined && variant.byId.has(id));
    const part = partOf.get(id) ?? bringing?.name ?? '';
    const all: Variant[] = variants.map(({ when, byId }) => ({ when, value: byId.get(id) }));
    const tree = LEFT_OUT.some((kind) => id.startsWith(`${kind}/`)) ? undefined : objectTree(own, all);
    const folder = own === undefined ? undefined : conditions.ofFolder(part);
    return tree === undefined
      ? []
      : [{ id, part, when: [...(folder === undefined ? [] : [folder]), ...tree.when], tree: tree.node }];
  });
}

/** Of an object that only some variants have, these: their conditions, and what it is there. */
function objectTree(base: Manifest | undefined, variants: readonly Variant[]) {
  const present = variants.filter(({ value }) => value !== undefined);
  const absent = variants.filter(({ value }) => value === undefined).map(({ when }) => `not (${when})`);
  const from = base ?? present[0]?.value;
  if (from === undefined) return undefined;
  if (base === undefined && !present.every(({ value }) => isDeepStrictEqual(value, from))) {
    throw new Error('two components bring an object of the same name that differs');
  }
  const node = merge(from, present);
  const when =
    base !== undefined
      ? absent
      : [
          joined(
            'or',
            present.map((one) => one.when),
          ),
        ];
  return node === undefined ? undefined : { node, when };
}

/** The templates of the objects: the text by the name of the file. */
export function templatesOf(objects: readonly Sourced[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const { id, part, when, tree } of objects) {
    edit(id, tree);
    // Without a priority there is nothing to count.
    const all = id.startsWith('ResourceQuota/') ? [...when, '$.Values.priorityClassName'] : when;
    const lines = ['---', ...emit(tree, REPLACEMENTS)];
    const text = all.length === 0 ? lines : [`{{- if ${joined('and', all)} }}`, ...lines, '{{- end }}'];
    files.set(`${part}.yaml`, `${files.get(`${part}.yaml`) ?? `${HEADER}\n`}${text.join('\n')}\n`);
  }
  return files;
}

function edit(id: string, tree: Node): void {
  editLabels(tree);
  if (id.startsWith('Deployment/')) editDeployment(tree);
  if (id.startsWith('ResourceQuota/')) editQuota(tree);
  if (id.startsWith('Service/')) editService(tree);
  if (/^(ServiceMonitor|PrometheusRule)\//.test(id)) editMonitor(tree);
}

export const idOf = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`;
const byId = (objects: readonly Manifest[]) => new Map(objects.map((one) => [idOf(one), one]));
