import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';

const SRC = new URL('../src', import.meta.url).pathname;

interface Import {
  /** Relative to src, or the name of a package. */
  readonly target: string;
  readonly isTypeOnly: boolean;
}

interface Source {
  /** Relative to src. */
  readonly file: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

/** What a ring may import at run time, beside itself and Node; `types`: where only `import type` may reach. */
interface Ring {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

const NOT_PURE = ['node:crypto'];
const RINGS: Readonly<Record<string, Ring>> = {
  policy: { values: [], types: [] },
  kube: { values: ['undici', '@kubernetes/client-node', 'yaml'], types: ['policy'] },
  cache: { values: ['kube', 'logs.ts'], types: ['policy'] },
  certificates: {
    // The reflector for the watch of the registration.
    values: ['kube', 'cache', 'logs.ts', '@peculiar/x509', 'reflect-metadata'],
    types: [],
  },
  controller: { values: ['policy', 'cache', 'kube', 'logs.ts'], types: [] },
  status: { values: ['policy', 'cache', 'kube', 'logs.ts'], types: [] },
  webhook: { values: ['policy', 'cache', 'kube', 'logs.ts', 'koa', '@koa/router', 'zod'], types: [] },
};
/** They put the rings together and may import everything; nothing in a ring may import them. */
const TOP = ['config.ts', 'hook.ts', 'logger.ts', 'logs.ts', 'main.ts', 'metrics.ts', 'settings.ts'];

/** The world outside, and where it may be touched. */
const WORLD: readonly { readonly what: RegExp; readonly where: readonly string[] }[] = [
  { what: /\bprocess\./, where: ['main.ts'] },
  { what: /\bDate\.now\b/, where: ['main.ts'] },
  // The log stamps its own lines.
  { what: /\bnew Date\(\)/, where: ['logger.ts'] },
  { what: /\bMath\.random\b/, where: ['main.ts'] },
  { what: /\bperformance\b/, where: ['main.ts'] },
  { what: /\bconsole\b/, where: [] },
];

const sources = globSync('**/*.ts', { cwd: SRC, exclude: ['rehearsal/**'] })
  .sort()
  .map(read);

function read(file: string): Source {
  const text = readFileSync(join(SRC, file), 'utf-8');
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  return { file, code, imports: importsOf(file, code) };
}

function importsOf(file: string, code: string): Import[] {
  const statements = code.matchAll(/^(?:import|export)\s(?:([^'";]*?)\sfrom\s)?'([^']+)'/gm);
  // Loaded when it is wanted: counts as any other import.
  const later = code.matchAll(/\bimport()\('([^']+)'\)/g);
  return [...statements, ...later].map(([, clause = '', specifier = '']) => ({
    target: specifier.startsWith('.') ? relative(SRC, join(SRC, dirname(file), specifier)) : specifier,
    isTypeOnly: isTypeOnly(clause),
  }));
}

/** `type { a }`, or braces in which every name is a type. */
function isTypeOnly(clause: string): boolean {
  if (/^type\s/.test(clause)) return true;
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1]?.split(',') ?? [];
  const given = names.map((name) => name.trim()).filter((name) => name !== '');
  return given.length > 0 && given.every((name) => name.startsWith('type '));
}

const ringOf = (path: string) => (path.includes('/') && !path.startsWith('@') ? (path.split('/')[0] ?? path) : path);

function isAllowed(name: string, ring: Ring, { target, isTypeOnly }: Import): boolean {
  if (target.startsWith('node:')) return name !== 'policy' || NOT_PURE.includes(target);
  const to = ringOf(target);
  return to === name || ring.values.includes(to) || (isTypeOnly && ring.types.includes(to));
}

describe('the dependency direction', () => {
  for (const [name, ring] of Object.entries(RINGS)) {
    test(`${name} imports ${[...ring.values, ...ring.types.map((type) => `types of ${type}`)].join(', ') || 'nothing'}`, () => {
      const own = sources.filter(({ file }) => file.startsWith(`${name}/`));
      assert.notEqual(own.length, 0);
      const wrong = own.flatMap(({ file, imports }) =>
        imports.filter((one) => !isAllowed(name, ring, one)).map(({ target }) => `${file} imports ${target}`),
      );
      assert.deepEqual(wrong, []);
    });
  }

  test('there is no other ring and no other file at the top', () => {
    const others = sources.map(({ file }) => file).filter((file) => !(ringOf(file) in RINGS) && !TOP.includes(file));
    assert.deepEqual(others, []);
  });

  test('every import is a statement that this test can read', () => {
    const hidden = sources.filter(({ code, imports }) => {
      const specifiers = code.match(/\bfrom '|\bimport\(|\brequire\(|^import '/gm) ?? [];
      return specifiers.length !== imports.length;
    });
    assert.deepEqual(
      hidden.map(({ file }) => file),
      [],
    );
  });

  test('the hook imports nothing of the rehearsals', () => {
    const wrong = sources.filter(({ imports }) => imports.some(({ target }) => ringOf(target) === 'rehearsal'));
    assert.deepEqual(
      wrong.map(({ file }) => file),
      [],
    );
  });
});

describe('time, randomness, environment and process are passed in', () => {
  for (const { what, where } of WORLD) {
    test(`${what.source} only in ${where.join(', ') || 'no file'}`, () => {
      const files = sources
        .filter(({ code }) => what.test(code.replaceAll(/'[^'\n]*'/g, "''")))
        .map(({ file }) => file);
      assert.deepEqual(files, where);
    });
  }
});
