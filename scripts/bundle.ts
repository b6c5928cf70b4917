import type { BuildOptions, Plugin } from 'esbuild';

/**
 * The client library does not say that its modules may be left out, and has thousands; the hook reads kubeconfigs with it.
 * Whoever uses one of its modules still gets it whole.
 */
const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
  setup(build) {
    build.onResolve({ filter: /.*/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === 'resolving') return undefined;
      const resolved = await build.resolve(path, { importer, kind, resolveDir, pluginData: 'resolving' });
      const isClientLibrary = resolved.path.includes('/node_modules/@kubernetes/client-node/');
      return isClientLibrary && resolved.errors.length === 0 ? { path: resolved.path, sideEffects: false } : undefined;
    });
  },
};

/** How a program of this project becomes one file. */
export const BUNDLE = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Names stay, for whoever reads a stack trace; what is left out is 1.6 MB of source that would be in memory for months.
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [onlyWhatIsUsed],
  // Libraries in CommonJS ask for Node's own modules by require, which a module in ESM does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
} satisfies BuildOptions;
