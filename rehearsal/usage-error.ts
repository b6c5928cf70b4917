/** The command cannot begin as it was asked to: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
