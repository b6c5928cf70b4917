'use strict';
// Any Node can read this file, and runs it before all else: one that is too old would only fail at a later line.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    'reschedule-hook needs Node 24.12 or later; this is ' +
      process.version +
      '. In a checkout, "npm ci" brings one and "npm start" uses it.',
  );
  process.exit(2);
}
