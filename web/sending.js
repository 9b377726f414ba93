// What a page sends: commands, raw messages, calls, and its wishes for a name and groups.

import { check, checkOptions } from "./checks.js";
import { decodeReply, encode, isBlob } from "./payload.js";
import { Receiving } from "./receiving.js";

/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./hisock.d.ts").WaitOptions} WaitOptions */
/** @typedef {import("./native.d.ts").NativeClient} NativeClient */

export class Sending extends Receiving {
  #as;
  #conn;
  #requests;
  #line;

  /** @param {import("./receiving.js").Parts} parts */
  constructor(parts) {
    super(parts);
    this.#as = parts.options.as;
    this.#conn = parts.conn;
    this.#requests = parts.requests;
    this.#line = parts.line;
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   * @param {WaitOptions} [options]
   * @returns {any}
   */
  send(command, value, options) {
    check("a string", command, "command");
    return this.#send(`command "${command}"`, value, options, (native, payload) => native.send(command, payload));
  }

  /**
   * @param {unknown} bytes
   * @param {WaitOptions} [options]
   * @returns {any}
   */
  sendRaw(bytes, options) {
    if (!(options && isBlob(bytes))) check("a string or bytes", bytes, "sendRaw");
    return this.#send("raw message", bytes, options, (native, payload) => native.sendRaw(payload));
  }

  /**
   * Sends at once, or with options when there is room.
   *
   * @param {string} what
   * @param {unknown} value
   * @param {WaitOptions | undefined} options
   * @param {(native: NativeClient, payload: Uint8Array) => import("./errors.js").HisockError | undefined} start
   */
  #send(what, value, options, start) {
    if (options) return this.#line.send(what, value, options, start);
    const payload = encode(what, value);
    this.#requests.do((native) => start(native, payload));
    return undefined;
  }

  /** @param {WaitOptions} [options] */
  async drained(options = {}) {
    checkOptions("drained", options);
    options.signal?.throwIfAborted();
    await this.#requests.ask("drained", options, (native, id) => native.drained(id));
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   * @param {WaitOptions & { as?: As }} [options]
   * @returns {Promise<any>}
   */
  async call(command, value, options = {}) {
    check("a string", command, "command");
    const what = `call "${command}"`;
    checkOptions("call", options, command);
    const { as = this.#as, signal } = options;
    const start = (/** @type {NativeClient} */ native, /** @type {number} */ id, /** @type {Uint8Array} */ payload) => native.call(id, command, payload);
    let reply;
    if (this.#line.isBusy || isBlob(value)) {
      reply = await this.#line.ask(what, value, options, start);
    } else {
      const payload = encode(what, value);
      signal?.throwIfAborted();
      reply = await this.#requests.ask(what, options, (native, id) => start(native, id, payload));
    }
    return decodeReply(`reply to "${command}"`, reply, as);
  }

  /**
   * @param {string} group
   * @param {WaitOptions} [options]
   */
  join(group, options) {
    return this.#change(0, "join", group, options);
  }

  /**
   * @param {string} group
   * @param {WaitOptions} [options]
   */
  leave(group, options) {
    return this.#change(1, "leave", group, options);
  }

  /**
   * @param {string} name
   * @param {WaitOptions} [options]
   */
  rename(name, options) {
    return this.#change(2, "rename", name, options);
  }

  /**
   * @param {0 | 1 | 2} how
   * @param {string} method
   * @param {string} name
   * @param {WaitOptions} [options]
   */
  async #change(how, method, name, options = {}) {
    check("a string", name, method);
    checkOptions(method, options, name);
    options.signal?.throwIfAborted();
    await this.#conn.change(how, name, `${method} "${name}"`, options);
  }

  async close() {
    await this.#conn.close();
  }
}
