/** When somebody last wrote a field of the raw object, by its managed fields; undefined if these do not say it. */
export function writtenAt(object: unknown, path: readonly string[]): number | undefined {
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly managedFields?: readonly ManagedFields[] } };
  const times = (metadata?.managedFields ?? []).flatMap(({ fieldsV1, time }) => {
    const found = path.reduce<unknown>((fields, step) => (fields as Fields | undefined)?.[`f:${step}`], fieldsV1);
    const at = Date.parse(time ?? '');
    return found === undefined || Number.isNaN(at) ? [] : [at];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

type Fields = Readonly<Record<string, unknown>>;

interface ManagedFields {
  readonly time?: string;
  readonly fieldsV1?: Fields;
}
