import type { Followed } from '../evidence/recorder.ts';
import { podLines } from './pod-lines.ts';
import { Screen, type Terminal } from './screen.ts';

/** Shows a rehearsal while it happens. */
export interface View {
  write(line: string): void;
  /** Shows the pods from now on, as they are at each moment. */
  follow(pods: () => readonly Followed[]): void;
  /** Leaves the terminal as it was found; may be called twice. */
  stop(): void;
}

/** One line after the other. */
export function plainView(write: (line: string) => void): View {
  return { write, follow: () => undefined, stop: () => undefined };
}

/** For one of several rehearsals that are shown at the same time: its name is before each line, and no pods are shown. */
export function labelled(view: View, name: string, width = 17): View {
  return { ...plainView((line) => view.write(`${name.padEnd(width)} ${line}`)), stop: () => view.stop() };
}

const EVERY_MS = 250;
/** So much of the terminal is left to the lines that scroll by. */
const LEFT_ROWS = 8;
const UNKNOWN_ROWS = 24;

/** The pods at the bottom of a terminal, redrawn, and above them the lines of `plainView`. */
export function liveView(terminal: Terminal, monotonicNow: () => number, everyMs = EVERY_MS): View {
  const screen = new Screen(terminal);
  let followed: () => readonly Followed[] = () => [];
  const draw = () => {
    const rows = Math.max(3, (terminal.rows || UNKNOWN_ROWS) - LEFT_ROWS);
    const pods = followed();
    screen.show(pods.length === 0 ? [] : ['', ...podLines(pods, { nowMs: monotonicNow(), rows: rows - 1 })]);
  };
  const timer = setInterval(draw, everyMs);
  // What is shown is no reason to go on.
  timer.unref();
  return {
    write: (line) => screen.write(line),
    follow: (pods) => {
      followed = pods;
      draw();
    },
    stop: () => {
      clearInterval(timer);
      screen.stop();
    },
  };
}
