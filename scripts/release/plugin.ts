import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runIn } from '../refused.ts';

/** What is released, and where it can be fetched. */
export interface ReleasedPlugin {
  readonly version: string;
  readonly tag: string;
  /** https://github.com/OWNER/NAME */
  readonly repository: string;
}

const PLUGIN = 'kubectl-reschedule';

/** Builds the plugin of kubectl and packs it into a folder. Returns its manifest for krew. Throws Refused. */
export function packagePlugin(root: string, released: ReleasedPlugin, folder: string): string {
  const archive = `${PLUGIN}-${released.version}.tar.gz`;
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-plugin-'));
  try {
    runIn(root, process.execPath, ['scripts/build.ts', '--plugin', dir]);
    cpSync(join(root, 'LICENSE'), join(dir, 'LICENSE'));
    runIn(folder, 'tar', ['-czf', archive, '-C', dir, PLUGIN, 'LICENSE']);
  } finally {
    rmSync(dir, { recursive: true });
  }
  const sha256 = createHash('sha256')
    .update(readFileSync(join(folder, archive)))
    .digest('hex');
  return krewManifest(released, archive, sha256);
}

/** As krew reads it: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest */
function krewManifest({ version, tag, repository }: ReleasedPlugin, archive: string, sha256: string): string {
  return stringify(
    {
      apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
      kind: 'Plugin',
      metadata: { name: 'reschedule' },
      spec: {
        version: `v${version}`,
        homepage: repository,
        shortDescription: 'Drains nodes safely under stateful pods',
        description:
          'Shows what a drain waits for, and rehearses a drain, for clusters with the reschedule hook: a webhook that makes ' +
          'kubectl drain wait until an operator has moved its stateful pods.\n',
        caveats: 'It is one JavaScript file, and needs Node 24.12 or later as node in the PATH.\n',
        platforms: [
          {
            // Elsewhere a file without an ending is no program.
            selector: { matchExpressions: [{ key: 'os', operator: 'In', values: ['darwin', 'linux'] }] },
            uri: `${repository}/releases/download/${tag}/${archive}`,
            sha256,
            bin: PLUGIN,
            files: [
              { from: PLUGIN, to: '.' },
              { from: 'LICENSE', to: '.' },
            ],
          },
        ],
      },
    },
    { lineWidth: 0 },
  );
}
