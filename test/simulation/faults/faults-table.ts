import { readFileSync, writeFileSync } from 'node:fs';
import { COUCHBASE_ALONE } from '../runs/profile-sets.ts';
import { type RunResult, run } from '../runs/run.ts';
import { shrink } from '../runs/shrink.ts';
import type { Fault } from './fault.ts';
import { FAULTS } from './faults.ts';

export const PAGE = new URL('../../../docs/simulation.md', import.meta.url);
/** A fault that needs more runs than this counts as not found. */
export const MAX_RUNS = 1_500;
const BEGIN = '<!-- the table is written by npm run simulate -- --faults -->\n';
const END = '<!-- end of the table -->\n';

export interface Finding {
  readonly fault: Fault;
  /** The first run that violates the fault's invariant. */
  readonly found: RunResult;
  /** The steps of all runs up to that one. */
  readonly stepsInAll: number;
}

/** Runs from that seed until a run violates the fault's invariant; undefined if none of MAX_RUNS does. */
export async function find(fault: Fault, from = 1): Promise<Finding | undefined> {
  const { mutation, begins = [] } = fault;
  // Unless the fault says otherwise, with Couchbase's profile alone.
  const variant = { ...COUCHBASE_ALONE, ...fault.variant };
  let stepsInAll = 0;
  for (let seed = from; seed < from + MAX_RUNS; seed++) {
    const found = await run(seed, { mutation, variant, begins });
    stepsInAll += found.steps;
    if (found.violation?.invariant === fault.violates) return { fault, found, stepsInAll };
  }
  return undefined;
}

/**
 * Prints what found each fault, one line per fault: `b, seed 8: what`. It looks from the seed of the table on, which is the right
 * one unless the code has changed since.
 */
export async function checkFaults(print: (line: string) => void): Promise<void> {
  const rows = readFileSync(PAGE, 'utf-8').split('\n');
  for (const fault of FAULTS) {
    const row = rows.find((one) => one.startsWith(rowStart(fault))) ?? '';
    const seed = Number(row.slice(rowStart(fault).length).split('|')[0]);
    const finding = await find(fault, seed || 1);
    const by =
      finding === undefined ? 'not found' : `${finding.found.violation?.invariant}, seed ${finding.found.seed}`;
    print(`${by}: ${fault.what}`);
  }
}

/** The rows of the table. */
export async function findFaults(progress: (line: string) => void): Promise<string[]> {
  const rows: string[] = [];
  for (const fault of FAULTS) {
    const finding = await find(fault);
    if (finding === undefined) throw new Error(`not found in ${MAX_RUNS} runs: ${fault.what}`);
    const { found, stepsInAll } = finding;
    const shortest = await shrink(found, fault.mutation);
    rows.push(rowOf(fault, `${found.seed}`, `${stepsInAll}`, `${shortest.script.length}`));
    progress(`${found.violation?.invariant} at seed ${found.seed}: ${fault.what}`);
  }
  return rows;
}

/** The part of a row that does not change with the code. */
export const rowStart = ({ what, violates }: Fault) => `| ${what} | (${violates}) |`;

const rowOf = (fault: Fault, ...figures: string[]) => `${rowStart(fault)} ${figures.join(' | ')} |`;

export function writeTable(rows: readonly string[]): void {
  const page = readFileSync(PAGE, 'utf-8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end === -1) throw new Error(`${PAGE.pathname} has no place for the table`);
  const head = [
    '| planted fault | violates | seed of the first run that shows it | steps until then | steps of the shortest way |',
    '| --- | --- | --- | --- | --- |',
  ];
  writeFileSync(PAGE, `${page.slice(0, begin)}${BEGIN}\n${[...head, ...rows].join('\n')}\n\n${page.slice(end)}`);
}
