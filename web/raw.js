import { HisockError } from "./errors.js";

const maxKept = 256;
const maxKeptBytes = 1 << 20;

/**
 * The raw messages that have arrived and that recvRaw has not taken, or the waiting calls of recvRaw: a queue of
 * messages or a queue of askers, never both.
 */
export class RawInbox {
  /** @type {Uint8Array[]} */
  #kept = [];
  #keptBytes = 0;

  /** @type {{ resolve: (bytes: Uint8Array) => void, reject: (why: unknown) => void }[]} */
  #askers = [];

  /** @type {HisockError | undefined} */
  #ended;

  /**
   * Gives bytes to the first asker. It returns false if there is none.
   *
   * @param {Uint8Array} bytes
   */
  offer(bytes) {
    const asker = this.#askers.shift();
    asker?.resolve(bytes);
    return asker !== undefined;
  }

  /**
   * Keeps bytes until they are taken. It returns false if there is no room.
   *
   * @param {Uint8Array} bytes
   */
  keep(bytes) {
    if (this.#kept.length >= maxKept || this.#keptBytes + bytes.length > maxKeptBytes) return false;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    return true;
  }

  /** The kept messages, in order. */
  get kept() {
    return [...this.#kept];
  }

  /**
   * Returns the first kept message, also after the end, or waits for the next message.
   *
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Uint8Array>}
   */
  take(signal) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const kept = this.#kept.shift();
    if (kept !== undefined) {
      this.#keptBytes -= kept.length;
      return Promise.resolve(kept);
    }
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#askers = this.#askers.filter((a) => a !== asker);
        reject(signal?.reason);
      };
      const asker = {
        resolve: (/** @type {Uint8Array} */ bytes) => {
          signal?.removeEventListener("abort", abort);
          resolve(bytes);
        },
        reject: (/** @type {unknown} */ why) => {
          signal?.removeEventListener("abort", abort);
          reject(why);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#askers.push(asker);
    });
  }

  /**
   * Rejects all askers, and all later ones once the kept messages are taken.
   *
   * @param {HisockError} why
   */
  end(why) {
    this.#ended = why;
    for (const asker of this.#askers.splice(0)) asker.reject(why);
  }
}
