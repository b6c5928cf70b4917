import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { blocksOf } from './markdown.ts';

const BLOCKS = blocksOf(readFileSync(join(import.meta.dirname, '../../docs/install.md'), 'utf-8'));

/** A command of docs/install.md, and the heading that it stands under. */
export interface PageCommand {
  readonly heading: string;
  readonly text: string;
}

/** The commands of the page, one for each line of its `sh` blocks. */
export const COMMANDS: readonly PageCommand[] = BLOCKS.filter(({ language }) => language === 'sh').flatMap(
  ({ heading, text }) =>
    text
      .trim()
      .split('\n')
      .map((line) => ({ heading, text: line })),
);

/** Commands that test/cluster/install/page.test.ts does not run, and why. It runs every other one. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm ci && make public-image install DOCKER_USER=registry.example.com/team':
    'needs Docker and a registry; install.test.ts runs scripts/install.sh',
  'helm install reschedule-hook charts/reschedule-hook --namespace reschedule-hook-system --create-namespace --set image.repository=registry.example.com/team/reschedule-hook-server --wait':
    'needs helm; helm.test.ts installs the chart likewise',
  'make kind-rehearsal': 'needs kind; the CI does it, and kind-rehearsal.test.ts reads what it calls',
  'kubectl --context kind-reschedule-hook apply -k config/samples': 'needs kind; sample.test.ts applies it',
  'scripts/drain-sample.sh 300 --context kind-reschedule-hook': 'needs kind; sample.test.ts runs it',
};

/** A YAML block of the page. Those with `resources` are kustomizations. */
export interface PageFile {
  readonly heading: string;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: YAML
  readonly content: any;
}

export const FILES: readonly PageFile[] = BLOCKS.filter(({ language }) => language === 'yaml').map(
  ({ heading, text }) => ({ heading, text, content: parse(text) }),
);
