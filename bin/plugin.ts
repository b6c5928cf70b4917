import { main } from './main.ts';

/** `kubectl reschedule`. */
void main(process.argv.slice(2), process.env, { name: 'kubectl reschedule', file: process.argv[1] ?? '' }).then(
  (code) => {
    process.exitCode = code;
  },
);
