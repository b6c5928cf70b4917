export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line fitted to a part of a series. */
export interface Trend {
  /** From the beginning of that part to its end. */
  readonly growth: number;
  /** Half of the interval in which the growth is with a confidence of 99 %. */
  readonly error: number;
  /** The median of the part. */
  readonly level: number;
}

/**
 * Neighbours are alike (collections of garbage, a fault and what follows it). A block is long enough to be nearly
 * independent of the next one, and a spike does not move its median.
 */
const BLOCKS = 20;
const FEWEST_BLOCKS = 10;
/** Of the normal distribution, two-sided, at 99 %. */
const Z = 2.576;

/** What stands for a block. */
export type Typical = (values: readonly number[]) => number;

/**
 * The line by least squares through equal blocks, each at its median, or whatever is typical of it. Undefined if too few of
 * them have a point, or the last one has none: a series that ends early says nothing about the end.
 */
export function trendOf(
  points: readonly Point[],
  fromX: number,
  toX: number,
  typical: Typical = median,
): Trend | undefined {
  const width = (toX - fromX) / BLOCKS;
  const part = points.filter(({ x }) => x >= fromX && x <= toX);
  const byBlock = Map.groupBy(part, ({ x }) => Math.min(BLOCKS - 1, Math.floor((x - fromX) / width)));
  const blocks = [...byBlock].map(([n, some]) => ({ x: n, y: typical(some.map(({ y }) => y)) }));
  if (blocks.length < FEWEST_BLOCKS || !byBlock.has(BLOCKS - 1)) return undefined;
  const { slope, error } = leastSquares(blocks);
  return {
    growth: slope * BLOCKS,
    error: studentT(blocks.length - 2) * error * BLOCKS,
    level: median(part.map(({ y }) => y)),
  };
}

/** The slope, and its standard error. */
function leastSquares(points: readonly Point[]): { readonly slope: number; readonly error: number } {
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const spread = sum(points.map(({ x }) => (x - meanX) ** 2));
  const slope = sum(points.map(({ x, y }) => (x - meanX) * (y - meanY))) / spread;
  const left = sum(points.map(({ x, y }) => (y - meanY - slope * (x - meanX)) ** 2));
  return { slope, error: Math.sqrt(left / (points.length - 2) / spread) };
}

/** Student's t at the confidence of Z, by its expansion for that many degrees of freedom; within 1 % from six on. */
function studentT(freedom: number): number {
  const [z3, z5] = [Z ** 3, Z ** 5];
  return Z + (z3 + Z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * Z) / (96 * freedom ** 2);
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

/** Of memory, which grows until it is collected. */
export const least: Typical = (values) => Math.min(...values);

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
