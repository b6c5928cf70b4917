import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flag, helpOf, readArguments, UsageError, value } from '../../src/command-line.ts';
import { packForNpm } from '../npm-package.ts';
import { Refused, ROOT, runMain } from '../refused.ts';
import { problemsOf, sectionOf } from './changelog.ts';
import { packageChart } from './chart.ts';
import { CHECKSUMS, checksumsOf } from './checksums.ts';
import { manifestsOf, pushedImage } from './files.ts';
import { packagePlugin } from './plugin.ts';
import { billOf } from './sbom.ts';

const RELEASE = {
  name: 'npm run release --',
  about:
    'Makes the files of a release: manifests, chart, npm package, plugin of kubectl, bill of materials, notes, checksums. It looks first whether the tag may be released. It pushes, signs and publishes nothing.',
  options: {
    tag: value('--tag <vVERSION>', 'what is released', String),
    check: flag('--check', 'only looks whether the tag may be released'),
    repository: value('--repository <URL>', 'where people read this repository; alerts link there', aRepository),
    image: value('--image <NAME:TAG>', 'the image that was pushed', String),
    metadata: value('--metadata <FILE>', 'what buildx wrote of it; its digest is added to the image', String),
  },
  operands: { name: 'FOLDER', about: 'where to; it is emptied first (default: dist/release)', isList: false },
  notes: 'Exit code: 0 if all was made, 1 if not, 2 for a wrong command line.',
};

runMain('release', main);

function main(): number {
  const { options, operands } = readArguments(RELEASE, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(RELEASE));
    return 0;
  }
  const { tag, check, repository, image, metadata } = options;
  if (tag === undefined) throw new UsageError('--tag is missing; see --help');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
  const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf-8');
  const problems = problemsOf(tag, version, changelog);
  if (problems.length > 0) throw new Refused(problems.join('; '));
  if (check) return 0;
  if (repository === undefined || image === undefined)
    throw new UsageError('--repository and --image are needed; see --help');
  const [folder = join(ROOT, 'dist/release')] = operands;
  make(folder, {
    version,
    tag,
    repository,
    image: metadata === undefined ? image : pushedImage(image, metadata),
    docs: `${repository}/blob/${tag}`,
    notes: sectionOf(changelog, version) ?? '',
  });
  console.log(`made ${folder}`);
  return 0;
}

interface Release {
  readonly version: string;
  readonly tag: string;
  readonly repository: string;
  readonly image: string;
  readonly docs: string;
  readonly notes: string;
}

function make(folder: string, { version, tag, repository, image, docs, notes }: Release): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = manifestsOf(ROOT, { image, docs });
  files.set('sbom.cdx.json', billOf(ROOT));
  files.set('image.txt', `${image}\n`);
  // Links of the page lead elsewhere from where the notes are read.
  files.set('CHANGES.md', `${notes.replaceAll(/\]\((?![a-z]+:)/g, `](${docs}/`)}\n`);
  files.set('krew.yaml', packagePlugin(ROOT, { version, tag, repository }, folder));
  packForNpm(ROOT, folder);
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  if (!packageChart(ROOT, { version, image }, folder)) console.log('no chart in charts/reschedule-hook: left out');
  writeFileSync(join(folder, CHECKSUMS), checksumsOf(folder));
}

function aRepository(text: string): string {
  if (!/^https:\/\/[^\s/]+\/\S+$/.test(text)) throw new Error(`takes the address of a repository, not "${text}"`);
  return text.replace(/\/+$/, '');
}
