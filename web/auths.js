// The calls of the page's auth function.

import { HisockError, numberOf } from "./errors.js";
import { readAuth } from "./options.js";

/** @typedef {import("./native.d.ts").NativeClient} NativeClient */

export class Auths {
  #auth;
  /** @type {Map<number, AbortController>} calls that run */
  #running = new Map();

  /** @param {((signal: AbortSignal) => unknown) | undefined} auth */
  constructor(auth) {
    this.#auth = auth;
  }

  /**
   * Calls the function, and gives the engine the result.
   *
   * @param {number} id
   * @param {() => NativeClient | undefined} native returns the client that has asked, or nothing if it is gone
   */
  async ask(id, native) {
    const abort = new AbortController();
    this.#running.set(id, abort);
    await undefined; // the page's code never runs inside a call from the engine
    let auth;
    try {
      auth = await this.#auth?.(abort.signal);
    } catch (err) {
      if (err instanceof HisockError) native()?.refuse(id, numberOf(err.code), err.message, 0, undefined);
      else native()?.refuse(id, numberOf("unavailable"), `auth failed: ${err instanceof Error ? err.message : String(err)}`, 0, undefined);
      return;
    } finally {
      if (this.#running.get(id) === abort) this.#running.delete(id); // another client's call may have the same id
    }
    try {
      native()?.answer(id, readAuth(auth));
    } catch (err) {
      native()?.refuse(id, numberOf("bad_payload"), /** @type {Error} */ (err).message, 0, undefined);
    }
  }

  /**
   * Gives a call up: nobody needs the auth any more. It returns false if there is no such call.
   *
   * @param {number} id
   */
  cancel(id) {
    const abort = this.#running.get(id);
    abort?.abort(new HisockError("canceled", "the auth is not needed any more"));
    return abort !== undefined;
  }
}
