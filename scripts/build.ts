import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/** `npm run build`: the sources as JavaScript in dist/, which is all that an image needs. */
rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
