// What a page hears: handlers of commands, of calls, and of what happens to its client and to others.

import { check, checkOptions } from "./checks.js";
import { HisockError } from "./errors.js";
import { eventOf, hooks } from "./hooks.js";

/** @typedef {import("./hisock.d.ts").As} As */
/**
 * @typedef {object} Parts what a client consists of, for each class of its API
 * @property {import("./engines.js").Engine} inst
 * @property {import("./connection.js").Options} options
 * @property {import("./incoming.js").Incoming} incoming
 * @property {import("./inbox.js").Inbox<Uint8Array>} raw
 * @property {import("./connection.js").Connection} conn
 * @property {import("./requests.js").Requests} requests
 * @property {import("./line.js").Line} line
 */

export class Receiving extends EventTarget {
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this.#parts = parts;
  }

  static {
    // onRaw, onMessage and the others
    for (const name of hooks) {
      Object.defineProperty(this.prototype, name, {
        configurable: true, writable: true,
        /** @this {Receiving} @param {Function} fn */
        value(fn) {
          return this.#hook(name, fn);
        },
      });
    }
  }

  /**
   * @param {typeof hooks[number]} name
   * @param {Function} fn
   */
  #hook(name, fn) {
    const { incoming, options } = this.#parts;
    check("a function", fn, name);
    if (name.startsWith("onClient") && !options.config.notices) {
      throw new HisockError("unsupported", "connect with { notices: true } to hear of other clients");
    }
    return incoming.hook(eventOf(name), fn);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   */
  on(command, fn, options = {}) {
    return this.#on(command, fn, options, false);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   */
  once(command, fn, options = {}) {
    return this.#on(command, fn, options, true);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} options
   * @param {boolean} once
   */
  #on(command, fn, options, once) {
    const { form, until } = readHandler(this.#parts, "on", command, fn, options);
    return until(() => this.#parts.incoming.on(command, fn, form, once));
  }

  /**
   * @param {string} command
   * @param {Function} [fn]
   */
  off(command, fn) {
    check("a string", command, "command");
    if (fn !== undefined) check("a function", fn, "off", command);
    this.#parts.incoming.off(command, fn);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   */
  handle(command, fn, options = {}) {
    const { form, until } = readHandler(this.#parts, "handle", command, fn, options);
    return until(() => this.#parts.incoming.handle(command, fn, form));
  }
}

/**
 * Checks the arguments of a method that adds a handler. It returns the form of payloads, and a function that adds the handler
 * and removes it when the signal aborts.
 *
 * @param {Parts} parts
 * @param {string} method
 * @param {string} command
 * @param {Function} fn
 * @param {{ as?: As, signal?: AbortSignal }} options
 */
export function readHandler(parts, method, command, fn, options) {
  checkCommand(parts, command);
  check("a function", fn, method, command);
  checkOptions(method, options, command);
  const { as: form = parts.options.as, signal } = options;
  return {
    form,
    until(/** @type {() => () => void} */ add) {
      if (signal?.aborted) return () => {};
      const remove = add();
      signal?.addEventListener("abort", remove, { once: true });
      return remove;
    },
  };
}

/**
 * Throws unless a command of the server may have that name.
 *
 * @param {Parts} parts
 * @param {string} command
 */
export function checkCommand({ incoming, inst }, command) {
  check("a string", command, "command");
  const err = !incoming.knows(command) && inst.native.checkCommand(command);
  if (err) throw err;
}
