// The messages and calls of a page that wait for their bytes or for room, one behind the other.

import { unlessAborted, within } from "./calls.js";
import { checkOptions } from "./checks.js";
import { encode, isBlob } from "./payload.js";

/** @typedef {import("./errors.js").HisockError} HisockError */
/** @typedef {import("./hisock.d.ts").WaitOptions} WaitOptions */
/** @typedef {import("./native.d.ts").NativeClient} NativeClient */

export class Line {
  #requests;
  /** The last that waits, if there is one. @type {Promise<void> | undefined} */
  #last;

  /** @param {import("./requests.js").Requests} requests */
  constructor(requests) {
    this.#requests = requests;
  }

  /** Whether somebody waits. */
  get isBusy() {
    return this.#last !== undefined;
  }

  /**
   * Sends a message when its bytes are there and it has room.
   *
   * @param {string} what
   * @param {unknown} value
   * @param {WaitOptions} options
   * @param {(native: NativeClient, payload: Uint8Array) => HisockError | undefined} start
   */
  async send(what, value, options, start) {
    checkOptions("send", options, what);
    await within(what, options, (signal) => this.#enter(what, value, signal, async (payload) => {
      for (;;) {
        try {
          this.#requests.do((native) => start(native, payload));
          return;
        } catch (err) {
          if (/** @type {HisockError} */ (err).code !== "queue_full") throw err;
        }
        payload = payload.slice(); // it is the page's memory
        await this.#requests.ask(what, { signal }, (native, id) => native.drained(id));
      }
    }));
  }

  /**
   * Asks the server for something when the bytes are there, and resolves with the reply. Whoever is behind does not wait for the reply.
   *
   * @param {string} what
   * @param {unknown} value
   * @param {WaitOptions} options
   * @param {(native: NativeClient, id: number, payload: Uint8Array) => void} start
   */
  ask(what, value, options, start) {
    return within(what, options, async (signal) => {
      let asked;
      await this.#enter(what, value, signal, (payload) => {
        asked = this.#requests.ask(what, { signal }, (native, id) => start(native, id, payload));
      });
      return asked;
    });
  }

  /**
   * Starts something with the bytes of a value once they are there, behind all that has been started so before. What start
   * returns is waited for here. If nothing is in the way it is started at once.
   *
   * @param {string} what
   * @param {unknown} value
   * @param {AbortSignal} signal
   * @param {(payload: Uint8Array) => Promise<void> | void} start
   */
  async #enter(what, value, signal, start) {
    signal.throwIfAborted();
    let payload = isBlob(value) ? undefined : encode(what, value);
    let before = this.#last;
    let leave = () => {};
    /** @type {Promise<void>} */
    const mine = new Promise((resolve) => (leave = resolve));
    this.#last = mine;
    try {
      if (before) {
        payload = payload?.slice(); // it is the page's memory
        await unlessAborted(before, signal);
        before = undefined;
      }
      payload ??= encode(what, await unlessAborted(/** @type {Blob} */ (value).arrayBuffer(), signal));
      await start(payload);
    } finally {
      // If this one gives up before its turn, the next one waits for the one before.
      if (before) void before.then(leave);
      else leave();
      if (this.#last === mine) this.#last = before;
    }
  }

  /**
   * Lets the page send nothing more once nobody waits, and waits until no call is under way.
   *
   * @param {WaitOptions} options
   */
  drain(options) {
    return within("drain", options, async (signal) => {
      signal.throwIfAborted();
      while (this.#last) await unlessAborted(this.#last, signal);
      await this.#requests.drain(signal);
    });
  }
}
