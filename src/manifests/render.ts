import { spawnSync } from 'node:child_process';
import { UsageError } from '../command-line.ts';

/** The name stands in bindings, the registration, the FlowSchema and alerts, too, which kustomize leaves alone. */
export const NAMESPACE = 'reschedule-hook-system';

const IMAGE_LINE = /^( *)image: \S*reschedule-hook-server:\S+$/gm;
const RUNBOOK_LINE = /^( *)runbook: (\S+)$/gm;

/** What changes an overlay on its way into a file. */
export interface Rendering {
  /** Instead of the image that config/manager names, if the overlay has one; absent: that one. */
  readonly image?: string | undefined;
  /** Where it is installed; absent: NAMESPACE. */
  readonly namespace?: string;
  /** The address that paths of the repository are added to, for the `runbook_url` of alerts; absent: no `runbook_url`. */
  readonly docs?: string | undefined;
}

/** What `kubectl kustomize` makes of a folder, changed likewise. Throws a UsageError if kubectl cannot do it. */
export function render(folder: string, { image, namespace = NAMESPACE, docs }: Rendering = {}): string {
  const text = withRunbooks(kustomize(folder).replaceAll(NAMESPACE, namespace), docs);
  return image === undefined ? text : text.replaceAll(IMAGE_LINE, `$1image: ${image}`);
}

/** Whether a rendered file runs the hook, and so has an image to replace. */
export function hasImage(text: string): boolean {
  return text.search(IMAGE_LINE) >= 0;
}

function kustomize(folder: string): string {
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf-8' });
  if (error !== undefined) throw new UsageError(`kubectl cannot be run (${error.message}); it has to be in the PATH`);
  if (status !== 0) throw new UsageError(`kubectl kustomize ${folder}: ${stderr.trim()}`);
  return stdout;
}

function withRunbooks(text: string, docs: string | undefined): string {
  if (docs === undefined) return text;
  return text.replaceAll(RUNBOOK_LINE, `$&\n$1runbook_url: ${docs.replace(/\/+$/, '')}/$2`);
}
