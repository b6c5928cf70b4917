/** What a colour says: all is well, wait, a human has to act, a heading. */
export type Tone = 'good' | 'waiting' | 'bad' | 'heading';

export type Colour = (tone: Tone, text: string) => string;

const CODES: Readonly<Record<Tone, number>> = { good: 32, waiting: 33, bad: 31, heading: 1 };

/** Without colours the text stays what it is. */
export function colours(isColoured: boolean): Colour {
  return (tone, text) => (isColoured ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text);
}
