/**
 * Preloaded into the hook's process (`node --import`). Its standard input is a pipe that ends only with the parent
 * process, however that ends. So even a SIGKILL of a test run leaves no hook behind.
 */
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'));
process.stdin.resume();
// The pipe must not keep the hook's process running.
(process.stdin as unknown as { unref?: () => void }).unref?.();
