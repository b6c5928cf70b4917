import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, Plugin } from 'esbuild';

const CLIENT_LIBRARY = '@kubernetes/client-node';

/**
 * The client library does not say that its modules may be left out, and has thousands; the hook reads kubeconfigs with it.
 * Whoever uses one of its modules still gets it whole. Inside, it names files in full, so where they are is plain: to have
 * each looked for would take six times as long as all the rest of the build.
 */
const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${CLIENT_LIBRARY}$`) }, async ({ path, kind, resolveDir, pluginData }) => {
      if (pluginData === 'resolving') return undefined;
      const resolved = await build.resolve(path, { kind, resolveDir, pluginData: 'resolving' });
      return resolved.errors.length === 0 ? { path: resolved.path, sideEffects: false } : undefined;
    });
    build.onResolve({ filter: /^\./ }, ({ path, importer }) => {
      const isClientLibrary = importer.includes(`/node_modules/${CLIENT_LIBRARY}/`);
      return isClientLibrary ? { path: join(dirname(importer), path), sideEffects: false } : undefined;
    });
  },
};

/** A module `*.at-build.ts` is evaluated now: what it exports, texts of files beside it, becomes part of the program. */
const evaluatedNow: Plugin = {
  name: 'evaluated-now',
  setup(build) {
    build.onLoad({ filter: /\.at-build\.ts$/ }, async ({ path }) => {
      const exported: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
      const lines = Object.entries(exported).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`);
      return { contents: lines.join('\n'), loader: 'js' };
    });
  },
};

/** How a program of this project is built. */
export const BUNDLE = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Names stay, for whoever reads a stack trace; what is left out is 1.6 MB of source that would be in memory for months.
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [onlyWhatIsUsed, evaluatedNow],
  // Libraries in CommonJS ask for Node's own modules by require, which a module in ESM does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
} satisfies BuildOptions;

const NODE_CHECK = readFileSync(join(import.meta.dirname, '../bin/check-node.cjs'), 'utf-8');
/** A file without an ending is CommonJS or a module, by the package.json of a folder above it. These lines are the same in both. */
const PLUGIN_HEAD = `#!/usr/bin/env node
${NODE_CHECK}
var require = process.getBuiltinModule('node:module').createRequire(process.argv[1]);
var ownUrl = require('node:url').pathToFileURL(process.argv[1]).href;
`;

/** The plugin of kubectl: one file that needs nothing beside it. */
export const PLUGIN = {
  ...BUNDLE,
  entryPoints: [join(import.meta.dirname, '../bin/plugin.ts')],
  format: 'cjs',
  // A Node that is too old reads the whole file before it runs the line that says so.
  target: 'node14',
  define: { 'import.meta.url': 'ownUrl' },
  banner: { js: PLUGIN_HEAD },
} satisfies BuildOptions;
