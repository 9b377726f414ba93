import { after, fail, readNumber } from "./numbers.js";
import { Cursor } from "./read.js";
import { none } from "./wire.js";

// A bit for each kind that this version knows, sixteen kinds a number.
const known = [0x000e, 0x0fff, 0x001f, 0x3fff, 0, 0, 0, 0];

// The first kind that is skipped if it is unknown.
const firstSkippable = 0x80;

/** Splits input into frames. The body of the last frame that next has found is in bytes, from at to end. */
export class Splitter {
  /** @type {Uint8Array} */
  bytes = none;
  kind = 0;
  at = 0;
  end = 0;

  max;
  #from = 0; // where the next frame begins
  #to = 0; // the end of the input
  #need = 0; // length of the next frame in bytes, if it is known
  #own = false; // bytes is this side's own buffer, which may have room

  /** @param {number} max the greatest length of a frame, in bytes */
  constructor(max) {
    this.max = max;
  }

  /** The number of bytes that wait. */
  get size() {
    return this.#to - this.#from;
  }

  /** @param {Uint8Array} chunk */
  push(chunk) {
    const rest = this.size;
    if (rest === 0) {
      this.bytes = chunk;
      this.#own = false;
      this.#from = 0;
      this.#to = chunk.length;
      return;
    }
    const size = rest + chunk.length;
    if (!this.#own || this.#to + chunk.length > this.bytes.length) {
      const b = new Uint8Array(size >= this.#need ? 2 * size : Math.min(2 * size, this.#need));
      b.set(this.bytes.subarray(this.#from, this.#to));
      this.bytes = b;
      this.#own = true;
      this.#from = 0;
      this.#to = rest;
    }
    this.bytes.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  /** Goes to the next frame, if all of it has come. It throws if there is a fault. */
  next() {
    const { bytes } = this;
    let at = this.#from;
    if (at >= this.#to) return false;
    let length = /** @type {import("./numbers.js").Num} */ (bytes[at++]);
    if (length >= 0x80) {
      length = readNumber(bytes, at - 1, this.#to);
      if (after === 0) return false;
      at = after;
    }
    if (length === 0) fail("protocol", "frame length 0: no kind");
    if (length > this.max) fail("too_big", `frame length ${length} B exceeds limit ${this.max} B`);
    const end = at + Number(length);
    this.#need = end - this.#from;
    if (at === this.#to) return false;
    const k = /** @type {number} */ (bytes[at]);
    if (k < firstSkippable && !((/** @type {number} */ (known[k >> 4]) >> (k & 15)) & 1)) fail("protocol", `unknown frame of kind ${k}`);
    if (end > this.#to) return false;
    this.kind = k;
    this.at = at + 1;
    this.end = end;
    this.#from = end;
    return true;
  }

  /** A cursor over the body. */
  body() {
    return new Cursor(this.bytes, this.at, this.end);
  }
}
