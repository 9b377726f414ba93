// The targets that receive a file in memory, or pass it to a stream of the page.

import { HisockError } from "../errors.js";

/** @typedef {import("../files.d.ts").Target} Target */

const together = 1 << 20; // bytes that become one Blob, whose content need not be in the memory of the page

/** @implements {Target} */
export class MemoryTarget {
  /** @type {Blob[]} the received bytes before #last */
  #parts = [];
  /** @type {Uint8Array[]} */
  #last = [];
  #lastSize = 0; // bytes
  /** @type {Blob | undefined} */
  blob;

  async part() {
    this.#join();
    return new Blob(this.#parts);
  }

  /** @param {number} at */
  async open(at) {
    if (at === 0) await this.discard();
    return new WritableStream({
      write: (/** @type {Uint8Array} */ bytes) => {
        this.#last.push(bytes);
        this.#lastSize += bytes.length;
        if (this.#lastSize >= together) this.#join();
      },
      close: async () => {
        this.blob = await this.part();
      },
    });
  }

  async discard() {
    this.#parts = [];
    this.#last = [];
    this.#lastSize = 0;
    this.blob = undefined;
  }

  #join() {
    if (this.#lastSize > 0) this.#parts.push(new Blob(/** @type {BlobPart[]} */ (this.#last)));
    this.#last = [];
    this.#lastSize = 0;
  }
}

/** The target that passes a file to a stream of the page. It cannot start again. @implements {Target} */
export class StreamTarget {
  #to;
  #opened = false;

  /** @param {WritableStream<Uint8Array>} to */
  constructor(to) {
    this.#to = to;
  }

  async part() {
    return new Blob();
  }

  async open() {
    if (this.#opened) throw new HisockError("internal", "what was received cannot be taken back");
    this.#opened = true;
    return this.#to;
  }

  async discard() {}
}
