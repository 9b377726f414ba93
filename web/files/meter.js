// The progress of a transfer, for a page that shows it.

/** @typedef {import("../files.d.ts").Progress} Progress */

const tellEvery = 100; // milliseconds

export class Meter {
  from = 0;
  /** Bytes; less than 0 before the ends have agreed where to begin. */
  done = -1;
  /** @type {number | undefined} */
  size;
  #tell;
  #last = -Infinity; // milliseconds of performance.now(), when #tell was last called
  /** A call of now that is to come. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {((progress: Progress) => unknown) | undefined} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Starts an attempt at an offset. @param {number} from bytes */
  begin(from) {
    this.from = this.done = from;
    this.now();
  }

  /** Adds n carried bytes. @param {number} n */
  add(n) {
    this.done += n;
    if (!this.#tell || this.#timer !== undefined) return;
    const wait = this.#last + tellEvery - performance.now();
    if (wait <= 0) this.now();
    else this.#timer = setTimeout(() => this.now(), wait); // perhaps nothing more is carried for a while
  }

  now() {
    this.stop();
    this.#last = performance.now();
    const { from, done, size } = this;
    this.#tell?.({ from, done, size });
  }

  /** Tells nothing more of this attempt. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
