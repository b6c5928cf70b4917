import { dirname, join } from 'node:path';
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
