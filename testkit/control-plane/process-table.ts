/** Reads the kernel's data on processes and their sockets, for tests. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Processes with this folder on their command line; always empty without /proc. */
export function processesNaming(dir: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readQuietly(`/proc/${pid}/cmdline`).includes(dir));
}

/** Listening TCP sockets in a table such as /proc/net/tcp; addresses as hexadecimal ADDRESS:PORT. */
export function listeners(file: string): { address: string; inode: string }[] {
  const rows = readQuietly(file).trim().split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((columns) => columns[3] === '0A')
    .map((columns) => ({ address: columns[1] ?? '', inode: columns[9] ?? '' }));
}

/** Inode numbers of a process's sockets. */
export function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(join(folder, fd)))?.[1] ?? []);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed in between
  }
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
