import fc from 'fast-check';

/** Bytes that stand for a text, or no longer quite. */
export type Encoding =
  | { readonly as: 'utf-8' | 'utf-8 with BOM' | 'utf-16le' | 'utf-16be with BOM' | 'latin1' }
  | { readonly as: 'cut' | 'flipped' | 'invalid'; readonly at: number }
  | { readonly as: 'trailed'; readonly by: string };

export const encodings: fc.Arbitrary<Encoding> = fc.oneof(
  { weight: 30, arbitrary: fc.constant({ as: 'utf-8' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      as: fc.constantFrom(
        'utf-8 with BOM' as const,
        'utf-16le' as const,
        'utf-16be with BOM' as const,
        'latin1' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      as: fc.constantFrom('cut' as const, 'flipped' as const, 'invalid' as const),
      at: fc.nat(2_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ as: fc.constant('trailed' as const), by: fc.constantFrom(' \n', '{}', '\0', ']') }),
  },
);

export function encode(text: string, encoding: Encoding): Buffer {
  const bytes = Buffer.from(text);
  const at = 'at' in encoding ? encoding.at : 0;
  switch (encoding.as) {
    case 'utf-8':
      return bytes;
    case 'utf-8 with BOM':
      return Buffer.from(`\ufeff${text}`);
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    case 'utf-16be with BOM':
      return Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
    case 'latin1':
      return Buffer.from(text, 'latin1');
    case 'cut':
      return bytes.subarray(0, at % (bytes.length + 1));
    case 'flipped':
      if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << (at % 8));
      return bytes;
    case 'invalid':
      if (bytes.length > 0) bytes[at % bytes.length] = 0xc0 + (at % 64);
      return bytes;
    case 'trailed':
      return Buffer.from(text + encoding.by);
  }
}
