import { endWithParent } from '../../testkit/end-with-parent.ts';

/** Keeps one core busy. It looks up between slices, so that it ends with the process that started it. */
const SLICE_MS = 20;

function spin(): void {
  const until = performance.now() + SLICE_MS;
  while (performance.now() < until);
  setImmediate(spin);
}

await endWithParent();
spin();
