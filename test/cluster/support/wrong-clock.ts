/** Loaded before the hook: its wall clock is ahead by CLOCK_AHEAD_MS, or behind if that is negative. */
const now = Date.now.bind(Date);
const aheadMs = Number(process.env.CLOCK_AHEAD_MS);

Date.now = () => now() + aheadMs;
