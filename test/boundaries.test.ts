import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { circlesIn } from './support/circles.ts';

const ROOT = join(import.meta.dirname, '..');

interface Source {
  /** Relative to the root of the project, as are all paths here. */
  readonly file: string;
  readonly code: string;
  /** Paths of files, and names of packages; types count like everything else. */
  readonly imports: readonly string[];
}

/** What the rooms of `src`, and a file that is one by itself, may import beside themselves and Node. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  async: [],
  policy: [],
  log: ['winston'],
  kube: ['async', 'undici', '@kubernetes/client-node', 'yaml'],
  informer: ['async', 'kube', 'log'],
  cache: ['async', 'informer', 'kube', 'log', 'policy'],
  config: ['policy', 'yaml', 'zod'],
  certificates: ['async', 'kube', 'log', '@peculiar/x509', 'reflect-metadata'],
  registration: ['async', 'certificates', 'informer', 'kube', 'log', 'policy'],
  webhook: ['async', 'cache', 'informer', 'kube', 'log', 'policy', 'zod'],
  controller: ['async', 'certificates', 'cache', 'informer', 'kube', 'log', 'policy', 'registration'],
  status: [
    'async',
    'cache',
    'config',
    'installed',
    'kube',
    'log',
    'policy',
    'registration',
    'terminal',
    'src/command-line.ts',
  ],
  installed: ['async', 'cache', 'config', 'kube', 'policy', 'src/command-line.ts'],
  terminal: [],
  preflight: ['async', 'config', 'informer', 'installed', 'kube', 'policy', 'terminal', 'src/command-line.ts'],
  explain: ['cache', 'config', 'installed', 'kube', 'policy', 'terminal', 'src/command-line.ts'],
  'src/command-line.ts': ['commander'],
  manifests: ['policy', 'src/command-line.ts'],
  reload: ['async', 'cache', 'config', 'controller', 'informer', 'kube', 'log', 'policy'],
  server: ['async', 'webhook', 'certificates', 'log', 'policy', 'koa', '@koa/router'],
};
/** They put the rooms together and may import all of them; no room imports them. */
const PUT_TOGETHER = ['beginning', 'core', 'hook', 'main', 'metrics', 'serving', 'version'].map(
  (name) => `src/${name}.ts`,
);
/** The process of the hook. What is done before, with arguments, is in `bin`. */
const PROGRAM = ['src/main.ts'];

/** What the rooms of `rehearsal` may import of each other; all of them stand on `testkit` and `src`, and on no package. */
const REHEARSAL_ROOMS: Readonly<Record<string, readonly string[]>> = {
  'embedded-api': [],
  operator: [],
  drainers: [],
  evidence: ['operator'],
  report: ['evidence'],
  terminal: ['evidence'],
  venues: ['embedded-api', 'operator', 'drainers'],
  scenarios: ['venues', 'evidence', 'operator', 'drainers'],
};
/** The engine and the command, which put these rooms together; no room imports them. */
const REHEARSAL_TOP = [
  'rehearsal/main.ts',
  'rehearsal/options.ts',
  'rehearsal/rehearse-all.ts',
  'rehearsal/rehearse.ts',
  'rehearsal/requirements.ts',
  'rehearsal/selection.ts',
  'rehearsal/usage.ts',
];

/** The houses beside `src`, and which of the houses each may import; `test` imports what it tests. */
const HOUSES: Readonly<Record<string, readonly string[]>> = {
  src: [],
  testkit: ['src'],
  rehearsal: ['testkit', 'src'],
  bench: ['testkit', 'src', 'scripts', 'rehearsal'],
  scripts: ['testkit', 'src'],
  // They know of neither this one nor its table.
  bin: ['src', 'rehearsal'],
};

/** The folders of `bench`, and which of its folders each may import. */
const BENCH_ROOMS: Readonly<Record<string, readonly string[]>> = {
  support: [],
  processes: ['support'],
  phases: ['processes', 'support'],
};

const NOT_PURE = ['node:crypto'];

/** The world outside, and where `src` may touch it. */
const WORLD: readonly { readonly what: RegExp; readonly where: readonly string[] }[] = [
  { what: /\bprocess\./, where: PROGRAM },
  { what: /\bDate\.now\b/, where: ['src/async/system-clock.ts'] },
  // The log stamps its own lines.
  { what: /\bnew Date\(\)/, where: ['src/log/logger.ts'] },
  { what: /\bMath\.random\b/, where: PROGRAM },
  { what: /\bperformance\b/, where: ['src/async/system-clock.ts'] },
  { what: /\b(setTimeout|setInterval|setImmediate)\b/, where: ['src/async/system-clock.ts'] },
  // Its timer outlives the work: timeLimit ends with it.
  { what: /\bAbortSignal\.timeout\b/, where: [] },
  { what: /\btimers\/promises\b/, where: [] },
  { what: /\bconsole\b/, where: [] },
];

const everything = globSync('{src,rehearsal,testkit,bench,scripts,bin,test}/**/*.{ts,js}', {
  cwd: ROOT,
  exclude: ['**/node_modules/**'],
})
  .sort()
  .map(read);
const source = everything.filter(({ file }) => houseOf(file) === 'src');
const rehearsal = everything.filter(({ file }) => houseOf(file) === 'rehearsal');

function read(file: string): Source {
  const text = readFileSync(join(ROOT, file), 'utf-8');
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  return { file, code, imports: importsOf(file, code) };
}

function importsOf(file: string, code: string): string[] {
  const statements = code.matchAll(/^(?:import|export)\s(?:[^'";]*?\sfrom\s)?'([^']+)'/gm);
  // Loaded when it is wanted: counts as any other import.
  const later = code.matchAll(/\bimport\('([^']+)'\)/g);
  return [...statements, ...later].map(([, specifier = '']) =>
    specifier.startsWith('.') ? join(dirname(file), specifier) : specifier,
  );
}

function houseOf(path: string): string {
  return path.split('/')[0] ?? path;
}

/** The room of a file of a house, the name of a package, or the path itself for what is in no room. */
function roomOf(path: string, wanted = 'src'): string {
  const [house, room, inside] = path.split('/');
  return house === wanted && inside !== undefined && room !== undefined ? room : path;
}

/** Folders that hold two ideas, most likely. */
function crowdedFolders(sources: readonly Source[]): string[] {
  const counts = Object.groupBy(sources, ({ file }) => dirname(file));
  return Object.entries(counts).flatMap(([folder, files = []]) => (files.length > 15 ? [folder] : []));
}

function wrongImports({ file, imports }: Source, isAllowed: (target: string) => boolean): string[] {
  return imports.filter((target) => !isAllowed(target)).map((target) => `${file} imports ${target}`);
}

describe('the rooms of src', () => {
  for (const [name, others] of Object.entries(ROOMS)) {
    test(`${name} imports ${others.join(', ') || 'nothing'}`, () => {
      const own = source.filter(({ file }) => roomOf(file) === name);
      assert.notEqual(own.length, 0);
      const isAllowed = (target: string) => {
        if (target.startsWith('node:')) return name !== 'policy' || NOT_PURE.includes(target);
        return roomOf(target) === name || others.includes(roomOf(target));
      };
      assert.deepEqual(
        own.flatMap((one) => wrongImports(one, isAllowed)),
        [],
      );
    });
  }

  test('there is no other room, and no other file beside them', () => {
    const others = source.map(({ file }) => file).filter((file) => !(roomOf(file) in ROOMS));
    assert.deepEqual(others, PUT_TOGETHER);
  });

  test('a room has at most 15 files, or it holds two ideas', () => assert.deepEqual(crowdedFolders(source), []));
});

describe('the rooms of rehearsal', () => {
  const roomIn = (path: string) => roomOf(path, 'rehearsal');

  for (const [name, others] of Object.entries(REHEARSAL_ROOMS)) {
    test(`${name} imports ${others.join(', ') || 'no other room'}`, () => {
      const own = rehearsal.filter(({ file }) => roomIn(file) === name);
      assert.notEqual(own.length, 0);
      const isAllowed = (target: string) =>
        target.startsWith('node:') ||
        ['src', 'testkit', name, ...others].includes(
          houseOf(target) === 'rehearsal' ? roomIn(target) : houseOf(target),
        );
      assert.deepEqual(
        own.flatMap((one) => wrongImports(one, isAllowed)),
        [],
      );
    });
  }

  test('no room imports itself, however far round', () => {
    assert.deepEqual(circlesIn(new Map(Object.entries(REHEARSAL_ROOMS))), []);
  });

  test('there is no other room, and no other file beside them', () => {
    const others = rehearsal.map(({ file }) => file).filter((file) => !(roomIn(file) in REHEARSAL_ROOMS));
    assert.deepEqual(others, REHEARSAL_TOP);
  });

  test('a folder has at most 15 files, or it holds two ideas', () => assert.deepEqual(crowdedFolders(rehearsal), []));
});

describe('the houses', () => {
  for (const [name, others] of Object.entries(HOUSES)) {
    test(`${name} imports ${others.join(', ') || 'no other house'}`, () => {
      const own = everything.filter(({ file }) => houseOf(file) === name);
      assert.notEqual(own.length, 0);
      const isAllowed = (target: string) => {
        const house = houseOf(target);
        return house === name || others.includes(house) || !(house in HOUSES || house === 'test');
      };
      assert.deepEqual(
        own.flatMap((one) => wrongImports(one, isAllowed)),
        [],
      );
    });
  }

  for (const [name, others] of Object.entries(BENCH_ROOMS)) {
    test(`bench/${name} imports ${others.join(', ') || 'nothing else of bench'}`, () => {
      const own = everything.filter(({ file }) => file.startsWith(`bench/${name}/`));
      assert.notEqual(own.length, 0);
      const isAllowed = (target: string) => {
        const [house, room = ''] = target.split('/');
        return house !== 'bench' || room === name || others.includes(room);
      };
      assert.deepEqual(
        own.flatMap((one) => wrongImports(one, isAllowed)),
        [],
      );
    });
  }

  test('no file imports itself, however far round', () => {
    const graph = new Map(everything.map(({ file, imports }) => [file, imports]));
    assert.deepEqual(circlesIn(graph), []);
  });

  test('a command loads its code when it is called', () => {
    const table = everything.find(({ file }) => file === 'bin/commands.ts');
    const atOnce = (table?.code ?? '').split('\n').filter((line) => /^(import|export)\b.* from /.test(line));
    assert.deepEqual(
      atOnce.filter((line) => !line.startsWith('import type ')),
      [],
    );
    assert.ok((table?.imports ?? []).length > 5);
  });

  test('every import is a statement that this test can read', () => {
    const hidden = source.filter(({ code, imports }) => {
      const specifiers = code.match(/\bfrom '|\bimport\(|\brequire\(|^import '/gm) ?? [];
      return specifiers.length !== imports.length;
    });
    assert.deepEqual(
      hidden.map(({ file }) => file),
      [],
    );
  });
});

describe('time, timers, randomness, environment and process are passed in', () => {
  for (const { what, where } of WORLD) {
    test(`${what.source} only in ${where.join(', ') || 'no file'}`, () => {
      const files = source
        .filter(({ code, imports }) => what.test([code.replaceAll(/'[^'\n]*'/g, "''"), ...imports].join('\n')))
        .map(({ file }) => file);
      assert.deepEqual(files, where);
    });
  }
});

describe('circlesIn', () => {
  test('finds a circle of two and one of three, and nothing in a tree', () => {
    const edges = { a: ['b'], b: ['a'], c: ['d', 'x'], d: ['e'], e: ['c'], f: ['a'], x: [] };
    assert.deepEqual(circlesIn(new Map(Object.entries(edges))), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(circlesIn(new Map(Object.entries({ a: ['b', 'c'], b: ['c'], c: ['gone'] }))), []);
  });
});
