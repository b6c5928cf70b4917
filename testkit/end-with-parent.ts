/** Ends this process when its standard input ends, which is a pipe to its parent. */
const SOURCE = `
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'));
process.stdin.resume();
// The pipe must not keep the process running.
process.stdin.unref?.();
`;

/**
 * Preloaded into the hook's process (`node --import`). Its standard input is a pipe that ends only with the parent
 * process, however that ends. So even a SIGKILL of a test run leaves no hook behind. It is no file, because a built program
 * has none beside it.
 */
export const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent(SOURCE)}`;

/** The same for this very process. */
export const endWithParent = (): Promise<unknown> => import(END_WITH_PARENT);
