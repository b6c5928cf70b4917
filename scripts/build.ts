import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { BUNDLE } from './bundle.ts';

/**
 * `npm run build`: the hook and everything it needs as one file, dist/main.js. Half the resident memory of the same program
 * from node_modules, where the client library alone loads thousands of models.
 */
rmSync('dist', { recursive: true, force: true });
await build({
  ...BUNDLE,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  sourcemap: 'linked',
  sourcesContent: false,
});
