// How far a transfer is, for the page that shows it.

/** @typedef {import("../files.d.ts").Progress} Progress */

const tellEvery = 100; // milliseconds

export class Meter {
  from = 0;
  /** Bytes; less than 0 before the ends have agreed where to begin. */
  done = -1;
  /** @type {number | undefined} */
  size;
  #tell;
  #last = -Infinity; // when #tell was called last

  /** @param {((progress: Progress) => unknown) | undefined} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Notes where an attempt begins. @param {number} from */
  begin(from) {
    this.from = this.done = from;
    this.now();
  }

  /** Notes that n more bytes have been carried. @param {number} n */
  add(n) {
    this.done += n;
    if (this.#tell && performance.now() - this.#last >= tellEvery) this.now();
  }

  now() {
    this.#last = performance.now();
    const { from, done, size } = this;
    this.#tell?.({ from, done, size });
  }
}
