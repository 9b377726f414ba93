// What a page waits for, of one client: calls, changes and other requests to the server, commands, room.

import { HisockError } from "./errors.js";

/** @typedef {import("./hisock.d.ts").WaitOptions} WaitOptions */

export class Calls {
  /** The greatest id of a request so far. */
  last = 0;
  /** @type {Map<number, (err: unknown, reply: any) => void>} */
  #open = new Map();
  /** Is called when a request has ended. */
  onEnd = () => {};

  get size() {
    return this.#open.size;
  }

  /**
   * Starts a request under a new id and resolves with its reply. The reply, the signal or the timeout ends the request,
   * whichever comes first; the others have no effect then.
   *
   * @param {string} what
   * @param {WaitOptions} options
   * @param {(id: number) => void} start
   * @param {(id: number) => void} cancel is called if the signal or the timeout ends the request
   * @param {() => void} [done] is called with a reply, before the promise resolves
   * @returns {Promise<any>}
   */
  ask(what, { signal, timeout }, start, cancel, done) {
    return new Promise((resolve, reject) => {
      const id = ++this.last;
      const settle = (/** @type {unknown} */ err, /** @type {unknown} */ reply) => {
        this.#open.delete(id);
        signal?.removeEventListener("abort", abort);
        clearTimeout(timer);
        if (err === undefined) {
          done?.();
          resolve(reply);
        } else {
          reject(err);
        }
        this.onEnd();
      };
      const giveUp = (/** @type {unknown} */ why) => {
        settle(why, undefined);
        cancel(id);
      };
      const abort = () => giveUp(signal?.reason);
      const timer = timeout === undefined ? undefined : setTimeout(() => giveUp(tooLate(what, timeout)), timeout);
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
   * @param {unknown} err undefined if the request has not failed
   * @param {unknown} reply
   */
  settle(id, err, reply) {
    this.#open.get(id)?.(err, reply);
  }

  /**
   * Fails the open requests with ids up to last.
   *
   * @param {unknown} err
   * @param {number} [last]
   */
  end(err, last = this.last) {
    for (const [id, settle] of [...this.#open]) if (id <= last) settle(err, undefined);
  }
}

/** @param {string} what @param {number} timeout in milliseconds */
const tooLate = (what, timeout) => new HisockError("deadline_exceeded", `${what}: took longer than ${timeout} ms`);

/**
 * Runs fn with a signal that aborts when the signal of the options does, or with an error when the time is over.
 *
 * @template T
 * @param {string} what
 * @param {WaitOptions} options
 * @param {(signal: AbortSignal) => Promise<T>} fn
 */
export async function within(what, { signal, timeout }, fn) {
  const late = new AbortController();
  const timer = timeout === undefined ? undefined : setTimeout(() => late.abort(tooLate(what, timeout)), timeout);
  try {
    return await fn(signal ? AbortSignal.any([signal, late.signal]) : late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for promise, but not longer than until signal aborts.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
