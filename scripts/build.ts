import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { BUNDLE } from './bundle.ts';

/**
 * `npm run build`: the hook and everything it needs as one file, dist/main.js. Half the resident memory of the same program
 * from node_modules, where the client library alone loads thousands of models. Tests name a folder of their own.
 */
const [folder = 'dist'] = process.argv.slice(2);
rmSync(folder, { recursive: true, force: true });
await build({
  ...BUNDLE,
  entryPoints: ['src/main.ts'],
  outfile: `${folder}/main.js`,
  sourcemap: 'linked',
  sourcesContent: false,
});
