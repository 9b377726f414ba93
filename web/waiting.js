// What a page waits for: the next command of a name, all commands of a name, and raw messages.

import { checkOptions } from "./checks.js";
import { HisockError } from "./errors.js";
import { Inbox, iterator } from "./inbox.js";
import { checkCommand } from "./receiving.js";
import { Sending } from "./sending.js";

/** @typedef {import("./hisock.d.ts").As} As */

// How many commands are kept for one iterator, and how large they are together.
const maxCommands = 10_000;
const maxCommandBytes = 8 << 20;

export class Waiting extends Sending {
  #parts;

  /** @param {import("./receiving.js").Parts} parts */
  constructor(parts) {
    super(parts);
    this.#parts = parts;
  }

  /**
   * @param {string} command
   * @param {{ as?: As, where?: Function, signal?: AbortSignal, timeout?: number }} [options]
   * @returns {Promise<any>}
   */
  async waitFor(command, options = {}) {
    const { incoming, requests } = this.#parts;
    checkCommand(this.#parts, command);
    const what = `waitFor "${command}"`;
    checkOptions("waitFor", options, command);
    const { as = this.#parts.options.as, where = () => true, signal } = options;
    signal?.throwIfAborted();
    let remove = () => {};
    try {
      return await requests.wait(what, options, (settle) => {
        const fn = (/** @type {unknown} */ value, /** @type {unknown} */ info) => {
          try {
            if (!where(value, info)) return;
            settle(undefined, value);
          } catch (err) {
            settle(err);
          }
          remove();
        };
        remove = incoming.on(command, fn, as, false);
      });
    } finally {
      remove();
    }
  }

  /**
   * @param {string} command
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   * @returns {AsyncIterableIterator<any>}
   */
  commands(command, options = {}) {
    const { incoming, requests } = this.#parts;
    checkCommand(this.#parts, command);
    const what = `commands "${command}"`;
    checkOptions("commands", options, command);
    const { as = this.#parts.options.as, signal } = options;
    /** @type {Inbox<unknown>} */
    const inbox = new Inbox(maxCommands, maxCommandBytes);
    let remove = () => {};
    /** @type {(err?: unknown) => void} */
    let end = () => {};
    const over = requests.wait(what, { signal }, (settle) => {
      end = settle;
      remove = incoming.on(command, (/** @type {unknown} */ value, /** @type {{ bytes: Uint8Array }} */ { bytes }) => {
        if (inbox.offer(value) || inbox.keep(value, bytes.length)) return;
        remove();
        settle(new HisockError("slow_consumer", `more than ${maxCommands} commands "${command}" wait for who iterates over them`));
      }, as, false);
    });
    over.then(() => undefined, (err) => err).then((err) => {
      remove();
      inbox.end(err);
    });
    if (signal?.aborted) end(signal.reason);
    return iterator(() => inbox.take(signal), () => end());
  }

  /** @param {import("./hisock.d.ts").WaitOptions} [options] */
  async drain(options = {}) {
    checkOptions("drain", options);
    try {
      await this.#parts.line.drain(options);
    } finally {
      await this.close();
    }
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  async recvRaw(options = {}) {
    checkOptions("recvRaw", options);
    return this.#parts.raw.take(options.signal);
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  rawMessages(options = {}) {
    checkOptions("rawMessages", options);
    const { signal } = options;
    const left = new AbortController();
    const until = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
    return iterator(() => this.#parts.raw.take(until), () => left.abort());
  }
}
