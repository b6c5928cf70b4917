import { KUBERNETES_VARIABLE } from '../testkit/control-plane/versions.ts';

/**
 * The same tests on each Kubernetes, one after another; resolves to their exit codes. Of several versions all are built
 * first, because some tests take the kubectl or the API server of a neighbour, too.
 */
export async function onEach(
  versions: readonly string[],
  build: (version: string) => Promise<unknown>,
  tests: () => number | Promise<number>,
): Promise<number[]> {
  const codes: number[] = [];
  if (versions.length > 1) for (const version of versions) await build(version);
  for (const version of versions) {
    process.env[KUBERNETES_VARIABLE] = version;
    console.log(`Kubernetes of the control plane: ${version}`);
    const code = await tests();
    if (code !== 0) console.log(`on Kubernetes ${version}: tests failed`);
    codes.push(code);
  }
  return codes;
}
