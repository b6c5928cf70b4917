/**
 * How much is run of what repetition proves. `npm test` runs a part, in which every kind is. `npm run test:long` and
 * `npm run load` run all of it, with the limits that depend on the machine.
 */
export const IS_FULL = process.env.DEPTH === 'full';

/** For the name of what is run. */
export const DEPTH = IS_FULL ? 'at full depth' : 'in part, npm run test:long does all';

/** Of two depths the one that is run. */
export const byDepth = <T>(part: T, full: T): T => (IS_FULL ? full : part);
