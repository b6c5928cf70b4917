import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { helpOf, readArguments, UsageError } from '../../src/command-line.ts';
import { Refused, ROOT, runMain } from '../refused.ts';
import { released } from './changelog.ts';
import { remakeChart } from './chart.ts';

const PREPARE = {
  name: 'npm run release:prepare --',
  about: 'Turns what CHANGELOG.md lists as Unreleased into a version, and writes that version wherever it stands.',
  options: {},
  operands: { name: 'VERSION', about: 'like 1.2.3', isList: false },
  notes: 'Exit code: 0 if it was written, 1 if it cannot be, 2 for a wrong command line.',
};
const CHANGELOG = 'CHANGELOG.md';
/** Where the tag of the image stands. package.json and its lockfile are left to npm. */
const TAGGED = ['config/manager/kustomization.yaml', 'docs/install.md'];

runMain('release:prepare', main);

/** In the current directory, which npm makes the root of the checkout. */
function main(): number {
  const {
    options,
    operands: [version],
  } = readArguments(PREPARE, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(PREPARE));
    return 0;
  }
  if (version === undefined) throw new UsageError('VERSION is missing; see --help');
  const texts = new Map([[CHANGELOG, released(readFileSync(CHANGELOG, 'utf-8'), version)]]);
  const { version: before } = JSON.parse(readFileSync('package.json', 'utf-8'));
  for (const file of TAGGED) {
    const text = readFileSync(file, 'utf-8');
    const next = text.replaceAll(`newTag: ${before}\n`, `newTag: ${version}\n`);
    if (next === text) throw new Refused(`${file} does not have the tag ${before}`);
    texts.set(file, next);
  }
  setPackageVersion(version);
  for (const [file, text] of texts) writeFileSync(file, text);
  remakeChart(ROOT);
  console.log(`prepared ${version}: read the changes, commit them, and tag the commit v${version}`);
  return 0;
}

function setPackageVersion(version: string): void {
  const args = ['version', version, '--no-git-tag-version', '--ignore-scripts'];
  const { error, status, stderr } = spawnSync('npm', args, { encoding: 'utf-8' });
  if (error !== undefined) throw new Refused(`npm cannot be run (${error.message})`);
  if (status !== 0) throw new Refused(`npm version: ${stderr.trim()}`);
}
