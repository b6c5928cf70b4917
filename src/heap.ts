/**
 * How V8 keeps its heap, for a process that lives for months on little: what is read from the API server is garbage at once,
 * and with Node's own defaults the heap grows to several times of what is live before it is looked through. Costs some CPU
 * while a list comes in; docs/performance.md has the figures. To be imported before anything else.
 */
import { setFlagsFromString } from 'node:v8';

// Megabytes. The default of 16 makes each pass over the young objects, which stops the process, as much longer.
setFlagsFromString('--max-semi-space-size=2');
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=25');
