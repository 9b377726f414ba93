// The streams of a page.

import { check, checkOptions } from "./checks.js";
import { encode } from "./payload.js";
import { readHandler } from "./receiving.js";
import { byteStreams, exchange, upload } from "./streams.js";
import { Waiting } from "./waiting.js";

/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./hisock.d.ts").StreamOptions<any>} StreamOptions */

export class Streaming extends Waiting {
  #parts;

  /** @param {import("./receiving.js").Parts} parts */
  constructor(parts) {
    super(parts);
    this.#parts = parts;
  }

  /**
   * @param {string} name
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   */
  handleStream(name, fn, options = {}) {
    const { form, until } = readHandler(this.#parts, "handleStream", name, fn, options);
    return until(() => this.#parts.incoming.handleStream(name, fn, form));
  }

  /**
   * @param {string} name
   * @param {unknown} [arg]
   * @param {StreamOptions} [options]
   * @returns {AsyncGenerator<any, void, void>}
   */
  stream(name, arg, options = {}) {
    const { what, as, open } = this.#stream("stream", name, arg, options, true, false);
    return exchange(open, what, as);
  }

  /**
   * @param {string} name
   * @param {unknown} arg
   * @param {unknown} items
   * @param {StreamOptions} [options]
   * @returns {AsyncGenerator<any, void, void>}
   */
  exchange(name, arg, items, options = {}) {
    const { what, as, open } = this.#stream("exchange", name, arg, options, false, false);
    return exchange(open, what, as, { items });
  }

  /**
   * @param {string} name
   * @param {unknown} arg
   * @param {unknown} items
   * @param {StreamOptions} [options]
   * @returns {Promise<any>}
   */
  async upload(name, arg, items, options = {}) {
    const { what, as, open } = this.#stream("upload", name, arg, options, false, false);
    return upload(open, what, as, items);
  }

  /**
   * @param {string} name
   * @param {unknown} [arg]
   * @param {{ signal?: AbortSignal }} [options]
   */
  openBytes(name, arg, options = {}) {
    const { what, open } = this.#stream("openBytes", name, arg, options, false, true);
    return byteStreams(open(), what);
  }

  /**
   * Checks the arguments of a stream.
   *
   * @param {string} method
   * @param {string} name
   * @param {unknown} arg
   * @param {StreamOptions} options
   * @param {boolean} silent
   * @param {boolean} carries
   */
  #stream(method, name, arg, options, silent, carries) {
    const { requests, options: { as: otherwise } } = this.#parts;
    check("a string", name, method);
    checkOptions(method, options, name);
    const what = `stream "${name}"`;
    const { as = otherwise, signal } = options;
    const payload = encode(what, arg);
    return { what, as, open: () => requests.openStream(name, payload, silent, carries, signal) };
  }
}
