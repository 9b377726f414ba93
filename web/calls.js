// The calls, changes and other requests of a page that wait for the server, of one client.

import { HisockError } from "./errors.js";

export class Calls {
  #lastID = 0;
  /** @type {Map<number, (err: unknown, reply: Uint8Array | undefined) => void>} */
  #open = new Map();

  /**
   * Starts a request under a new id and resolves with its reply. The reply, the signal or the timeout ends the request,
   * whichever comes first; the others have no effect then.
   *
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout in milliseconds
   * @param {string} tooLate the message of the error after the timeout
   * @param {(id: number) => void} start
   * @param {(id: number) => void} cancel is called if the signal or the timeout ends the request
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
   * Ends the request with that id, if it has not ended.
   *
   * @param {number} id
   * @param {unknown} err
   * @param {Uint8Array | undefined} reply undefined if the request has failed
   */
  settle(id, err, reply) {
    this.#open.get(id)?.(err, reply);
  }

  /**
   * Fails all open requests.
   *
   * @param {unknown} err
   */
  end(err) {
    for (const settle of [...this.#open.values()]) settle(err, undefined);
  }
}
