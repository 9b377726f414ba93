// What a page has asked the server for and waits for, in one connection.

import { HisockError } from "./errors.js";

export class Calls {
  #lastID = 0;
  /** @type {Map<number, (err: unknown, reply: Uint8Array | undefined) => void>} */
  #open = new Map();

  /**
   * Starts something under an id and resolves with its reply. Whatever ends it first, the others
   * have no effect any more.
   *
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout in milliseconds
   * @param {string} tooLate what the error of a timeout says
   * @param {(id: number) => void} start
   * @param {(id: number) => void} cancel is called when signal or timeout ends it
   * @returns {Promise<Uint8Array>}
   */
  ask(signal, timeout, tooLate, start, cancel) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastID;
      const settle = (/** @type {unknown} */ err, /** @type {Uint8Array | undefined} */ reply) => {
        this.#open.delete(id);
        signal?.removeEventListener("abort", abort);
        clearTimeout(timer);
        reply === undefined ? reject(err) : resolve(reply);
      };
      const giveUp = (/** @type {unknown} */ why) => {
        settle(why, undefined);
        cancel(id);
      };
      const abort = () => giveUp(signal?.reason);
      const late = () => giveUp(new HisockError("deadline_exceeded", tooLate));
      const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
      this.#open.set(id, settle);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        start(id);
      } catch (err) {
        settle(err, undefined);
      }
    });
  }

  /**
   * Ends what has that id, if nothing else has.
   *
   * @param {number} id
   * @param {unknown} err
   * @param {Uint8Array | undefined} reply undefined if it has failed
   */
  settle(id, err, reply) {
    this.#open.get(id)?.(err, reply);
  }

  /**
   * Fails all that is open.
   *
   * @param {unknown} err
   */
  end(err) {
    for (const settle of [...this.#open.values()]) settle(err, undefined);
  }
}
