import { readFileSync } from 'node:fs';

/** A build evaluates a module of this name (scripts/bundle.ts): what it exports is text in the program, which has no files beside it. */
export const STYLE = ownFile('page.css');
export const SCRIPT = ownFile('page.js');

function ownFile(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf-8');
}
