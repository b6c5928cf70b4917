import { helpOf, readArguments } from '../src/command-line.ts';
import { packForNpm } from './npm-package.ts';
import { ROOT, runMain } from './refused.ts';

const PACKAGE = {
  name: 'npm run package --',
  about:
    'Builds the program and packs it for npm. The package needs Node and no other package: npx FILE rehearse runs it in an empty folder.',
  options: {},
  operands: { name: 'FOLDER', about: 'where to (default: dist)', isList: false },
  notes: 'Exit code: 0 if it was packed, 1 if it could not be, 2 for a wrong command line.',
};

runMain('package', () => {
  const { options, operands } = readArguments(PACKAGE, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(PACKAGE));
    return 0;
  }
  const [folder = 'dist'] = operands;
  console.log(`packed ${packForNpm(ROOT, folder)}`);
  return 0;
});
