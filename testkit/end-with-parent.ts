/**
 * Preloaded into the hook's process (`node --import`). Its standard input is a pipe that only ends with the process that
 * started it, however that went: so not even a SIGKILL of a test run leaves a hook behind.
 */
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'));
process.stdin.resume();
// The hook itself ends when it has nothing left to do, and this is nothing.
(process.stdin as unknown as { unref?: () => void }).unref?.();
