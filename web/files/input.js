// A reader of a stream that returns as many bytes at a time as its caller asks for.

import { bytesOf } from "../payload.js";
import { broken } from "./format.js";

const none = new Uint8Array(0);

export class Input {
  #reader;
  /** The unread bytes of the last piece. @type {Uint8Array} */
  #left = none;

  /** @param {ReadableStream<unknown>} from */
  constructor(from) {
    this.#reader = from.getReader();
  }

  /** Returns the next bytes, or undefined at the end of the stream. @param {number} most bytes */
  async some(most) {
    while (this.#left.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      const bytes = bytesOf(value);
      if (!bytes) throw new TypeError("hisock: files: what is sent must be a stream of bytes");
      this.#left = bytes;
    }
    const bytes = this.#left.subarray(0, most);
    this.#left = this.#left.subarray(bytes.length);
    return bytes;
  }

  /** Returns the next n bytes. @param {number} n */
  async exactly(n) {
    const all = new Uint8Array(n);
    for (let at = 0; at < n; ) {
      const bytes = await this.some(n - at);
      if (!bytes) throw early();
      all.set(bytes, at);
      at += bytes.length;
    }
    return all;
  }

  /** Cancels the stream. @param {unknown} [reason] */
  async cancel(reason) {
    await this.#reader.cancel(reason);
  }

  /** Releases the stream, so that another reader can read on. Bytes that the input has left are lost. */
  release() {
    this.#reader.releaseLock();
  }
}

export const early = () => broken("the stream has ended before the file was in its place");
