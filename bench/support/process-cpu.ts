import { readFile } from 'node:fs/promises';

/** The kernel counts for user space in hundredths of a second, whatever it ticks in itself. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used, as the operating system counts them; undefined where it has no /proc. */
export async function cpuSecondsOf(pid: number): Promise<number | undefined> {
  try {
    return cpuSecondsIn(await readFile(`/proc/${pid}/stat`, 'utf-8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The name of the program is in brackets and may contain anything; user and system time are the 12th and 13th after it. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
