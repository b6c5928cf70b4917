/** The rehearsal cannot begin as it was asked to. The command prints it in one line and ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
