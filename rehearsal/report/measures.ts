/** The drawing is so many units wide; with the page at its widest one is a pixel. */
export const WIDTH = 1120;

/** Where time runs from left to right. Left of it stand the names of nodes. */
export const PLOT = { left: 104, right: WIDTH - 16 };

/** A tenth of a unit is as fine as can be seen. */
export const round = (value: number) => Math.round(value * 10) / 10;
