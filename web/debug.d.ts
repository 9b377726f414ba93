import type { Debug } from "./hisock.js";

/** Writes to the console what a client sends, gets and goes through. It is given to connect as the option debug. */
export const debug: Debug;
/** Does what debug does, with a function that is given the lines. */
export function debugTo(write: (line: string) => unknown): Debug;
