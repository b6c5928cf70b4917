import { readFileSync } from 'node:fs';

/** How the image starts the hook: what is measured is what runs in a cluster. */
export interface ImageStart {
  readonly env: Readonly<Record<string, string>>;
  /** Options of Node. */
  readonly nodeArgs: readonly string[];
}

/** Reads ENV and ENTRYPOINT of the last stage. Throws where there is none. */
export function readImageStart(dockerfile: string): ImageStart {
  const stage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  const variables = [...stage.matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) => line.split(' '));
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(stage)?.[1];
  if (entrypoint === undefined) throw new Error('the Dockerfile has no ENTRYPOINT in the form of a list');
  return {
    env: Object.fromEntries(variables.map((variable) => variable.split('=', 2))),
    nodeArgs: JSON.parse(entrypoint).slice(1, -1),
  };
}

export const IMAGE = readImageStart(readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf-8'));
