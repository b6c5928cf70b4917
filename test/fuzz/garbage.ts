import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Everything that nobody holds is gone afterwards. */
export function collectGarbage(): void {
  gc();
  gc();
}
