// The API of a client: handlers, sends, calls and changes. Arguments are checked here.

import { unlessAborted, within } from "./calls.js";
import { Connection } from "./connection.js";
import { HisockError, describe, needFunction, needString, needWait } from "./errors.js";
import { bytesOf, decodeReply, encode, isBlob, needAs } from "./payload.js";
import { Incoming } from "./incoming.js";
import { Inbox, iterator } from "./inbox.js";
import { byteStreams, checkStreamOptions, exchange, upload } from "./streams.js";

/** @typedef {import("./hisock.d.ts").Client} ClientType */
/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./engines.js").Engine} Instance */
/** @typedef {import("./connection.js").Options} Options */

// How many raw messages are kept for recvRaw, and how large they are together.
const maxRaw = 256;
const maxRawBytes = 1 << 20;

// How many commands are kept for one iterator, and how large they are together.
const maxCommands = 10_000;
const maxCommandBytes = 8 << 20;

/** @implements {ClientType} */
export class Client extends EventTarget {
  #inst;
  #as;
  #notices;

  /** @type {Incoming} */
  #incoming;
  /** @type {Inbox<Uint8Array>} */
  #raw = new Inbox(maxRaw, maxRawBytes);
  #conn;
  /** The last message that waits for its bytes or for room, if there is one. @type {Promise<void> | undefined} */
  #line;

  closed;

  /**
   * Connects. The promise resolves once the server has welcomed the client.
   *
   * @param {Instance} inst
   * @param {Options} options
   * @param {AbortSignal} signal
   */
  static async open(inst, options, signal) {
    const client = new Client(inst, options);
    await client.#conn.open(options, signal);
    return client;
  }

  /**
   * @param {Instance} inst
   * @param {Options} options
   */
  constructor(inst, options) {
    super();
    this.#inst = inst;
    this.#as = options.as;
    this.#notices = options.config.notices;
    this.#incoming = new Incoming(this.#raw, options.log);
    this.#conn = new Connection(inst, options, this.#incoming, this.#raw);
    this.closed = this.#conn.closed;
    this.#incoming.hook("state", (/** @type {string} */ state, /** @type {unknown} */ why) => {
      this.#emit("state", state, why);
      if (state === "reconnecting") this.#emit("offline", state, why);
      else if (state === "connected" || state === "resumed") this.#emit(state, state, why);
    });
    void this.closed.then((why) => this.#emit("closed", "disconnected", why));
    for (const { command, fn, options: more } of options.on) this.on(command, fn, more);
    for (const { command, fn, options: more } of options.handle) this.handle(command, fn, more);
    for (const { command, fn, options: more } of options.handleStream) this.handleStream(command, fn, more);
    for (const { hook, fn } of options.hooks) this[hook](fn);
  }

  /** @param {string} type @param {string} state @param {unknown} why */
  #emit(type, state, why) {
    this.dispatchEvent(new CustomEvent(type, { detail: { state, why } }));
  }

  get name() {
    return this.#conn.name;
  }

  get groups() {
    return this.#conn.groups;
  }

  get refusedGroups() {
    return this.#conn.refusedGroups;
  }

  get state() {
    return this.#conn.state;
  }

  get resumed() {
    return this.#conn.resumed;
  }

  get bufferedAmount() {
    return this.#conn.bufferedAmount;
  }

  get rtt() {
    return this.#conn.rtt;
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
    this.#checkCommand(command);
    needFunction(`handler of "${command}"`, fn);
    const what = `on "${command}"`;
    const { as, signal } = needWait(what, options, ["as", "signal"]);
    const form = needAs(what, as, this.#as);
    return until(signal, () => this.#incoming.on(command, fn, form, once));
  }

  /**
   * @param {string} command
   * @param {{ as?: As, where?: Function, signal?: AbortSignal, timeout?: number }} [options]
   * @returns {Promise<any>}
   */
  async waitFor(command, options = {}) {
    this.#checkCommand(command);
    const what = `waitFor "${command}"`;
    const { as, where = () => true, signal, timeout } = needWait(what, options, ["as", "where", "signal", "timeout"]);
    needFunction(`${what}: where`, where);
    const form = needAs(what, as, this.#as);
    signal?.throwIfAborted();
    let remove = () => {};
    try {
      return await this.#conn.wait(signal, timeout, `no "${command}" after ${timeout} ms`, (settle) => {
        const fn = (/** @type {unknown} */ value, /** @type {unknown} */ info) => {
          try {
            if (!where(value, info)) return;
            settle(undefined, value);
          } catch (err) {
            settle(err);
          }
          remove();
        };
        remove = this.#incoming.on(command, fn, form, false);
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
    this.#checkCommand(command);
    const what = `commands "${command}"`;
    const { as, signal } = needWait(what, options, ["as", "signal"]);
    const form = needAs(what, as, this.#as);
    /** @type {Inbox<unknown>} */
    const inbox = new Inbox(maxCommands, maxCommandBytes);
    let remove = () => {};
    /** @type {(err?: unknown) => void} */
    let end = () => {};
    const over = this.#conn.wait(signal, undefined, "", (settle) => {
      end = settle;
      remove = this.#incoming.on(command, (/** @type {unknown} */ value, /** @type {{ bytes: Uint8Array }} */ { bytes }) => {
        if (inbox.offer(value) || inbox.keep(value, bytes.length)) return;
        remove();
        settle(new HisockError("slow_consumer", `more than ${maxCommands} commands "${command}" wait for who iterates over them`));
      }, form, false);
    });
    over.then(() => undefined, (err) => err).then((err) => {
      remove();
      inbox.end(err);
    });
    if (signal?.aborted) end(signal.reason);
    return iterator(() => inbox.take(signal), () => end());
  }

  /**
   * @param {string} command
   * @param {Function} [fn]
   */
  off(command, fn) {
    needString("command", command);
    if (fn !== undefined) needFunction(`handler of "${command}"`, fn);
    this.#incoming.off(command, fn);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   */
  handle(command, fn, options = {}) {
    this.#checkCommand(command);
    needFunction(`handler of calls of "${command}"`, fn);
    const what = `handle "${command}"`;
    const { as, signal } = needWait(what, options, ["as", "signal"]);
    const form = needAs(what, as, this.#as);
    return until(signal, () => this.#incoming.handle(command, fn, form));
  }

  /**
   * @param {string} name
   * @param {Function} fn
   * @param {{ as?: As, signal?: AbortSignal }} [options]
   */
  handleStream(name, fn, options = {}) {
    this.#checkCommand(name);
    needFunction(`handler of streams of "${name}"`, fn);
    const what = `handleStream "${name}"`;
    const { as, signal } = needWait(what, options, ["as", "signal"]);
    const form = needAs(what, as, this.#as);
    return until(signal, () => this.#incoming.handleStream(name, fn, form));
  }

  /** @param {Function} fn */
  onRaw(fn) {
    return this.#incoming.hook("raw", fn);
  }

  /** @param {Function} fn */
  onMessage(fn) {
    return this.#incoming.hook("message", fn);
  }

  /** @param {Function} fn */
  onState(fn) {
    return this.#incoming.hook("state", fn);
  }

  /** @param {Function} fn */
  onError(fn) {
    return this.#incoming.hook("error", fn);
  }

  /** @param {Function} fn */
  onMissed(fn) {
    return this.#incoming.hook("missed", fn);
  }

  /** @param {Function} fn */
  onReplay(fn) {
    return this.#incoming.hook("replay", fn);
  }

  /** @param {Function} fn */
  onReplayed(fn) {
    return this.#incoming.hook("replayed", fn);
  }

  /** @param {Function} fn */
  onUndelivered(fn) {
    return this.#incoming.hook("undelivered", fn);
  }

  /** @param {Function} fn */
  onClientConnect(fn) {
    this.#needNotices("clientConnect", fn);
    return this.#incoming.hook("clientConnect", fn);
  }

  /** @param {Function} fn */
  onClientDisconnect(fn) {
    this.#needNotices("clientDisconnect", fn);
    return this.#incoming.hook("clientDisconnect", fn);
  }

  /** @param {Function} fn */
  onClientRename(fn) {
    this.#needNotices("clientRename", fn);
    return this.#incoming.hook("clientRename", fn);
  }

  /** @param {Function} fn */
  onRename(fn) {
    return this.#incoming.hook("rename", fn);
  }

  /** @param {Function} fn */
  onJoinGroup(fn) {
    return this.#incoming.hook("joinGroup", fn);
  }

  /** @param {Function} fn */
  onLeaveGroup(fn) {
    return this.#incoming.hook("leaveGroup", fn);
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   * @param {{ signal?: AbortSignal, timeout?: number }} [options]
   * @returns {any}
   */
  send(command, value, options) {
    needString("command", command);
    return this.#send(`command "${command}"`, value, options, (native, payload) => native.send(command, payload));
  }

  /**
   * @param {unknown} bytes
   * @param {{ signal?: AbortSignal, timeout?: number }} [options]
   * @returns {any}
   */
  sendRaw(bytes, options) {
    if (typeof bytes !== "string" && !bytesOf(bytes) && !(options && isBlob(bytes))) {
      throw new TypeError(`hisock: raw message: must be a string or bytes, not ${describe(bytes)}`);
    }
    return this.#send("raw message", bytes, options, (native, payload) => native.sendRaw(payload));
  }

  /**
   * Sends at once, or with options when there is room.
   *
   * @param {string} what
   * @param {unknown} value
   * @param {{ signal?: AbortSignal, timeout?: number } | undefined} options
   * @param {(native: import("./native.d.ts").NativeClient, payload: Uint8Array) => HisockError | undefined} start
   */
  #send(what, value, options, start) {
    if (options) return this.#sendLater(what, value, options, start);
    const payload = encode(what, value);
    this.#conn.do((native) => start(native, payload));
    return undefined;
  }

  /**
   * @param {string} what
   * @param {unknown} value
   * @param {{ signal?: AbortSignal, timeout?: number }} options
   * @param {(native: import("./native.d.ts").NativeClient, payload: Uint8Array) => HisockError | undefined} start
   */
  async #sendLater(what, value, options, start) {
    const { signal, timeout } = needWait(what, options, ["signal", "timeout"]);
    await this.#inLine(what, value, signal, timeout, `${what}: no room after ${timeout} ms`, async (payload, signal) => {
      for (;;) {
        try {
          this.#conn.do((native) => start(native, payload));
          return;
        } catch (err) {
          if (/** @type {HisockError} */ (err).code !== "queue_full") throw err;
        }
        payload = payload.slice(); // it is the page's memory
        await this.#conn.ask(signal, undefined, "", (native, id) => native.drained(id));
      }
    });
  }

  /**
   * Starts something with the bytes of a value once they are there, behind all that has been started so before. What start
   * returns is waited for here. If nothing is in the way it is started at once.
   *
   * @param {string} what
   * @param {unknown} value
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout
   * @param {string} tooLate
   * @param {(payload: Uint8Array, signal: AbortSignal) => Promise<void> | void} start
   */
  #inLine(what, value, signal, timeout, tooLate, start) {
    return within(signal, timeout, tooLate, async (signal) => {
      signal.throwIfAborted();
      let payload = isBlob(value) ? undefined : encode(what, value);
      let before = this.#line;
      let leave = () => {};
      /** @type {Promise<void>} */
      const mine = new Promise((resolve) => (leave = resolve));
      this.#line = mine;
      try {
        if (before) {
          payload = payload?.slice(); // it is the page's memory
          await unlessAborted(before, signal);
          before = undefined;
        }
        payload ??= encode(what, await unlessAborted(/** @type {Blob} */ (value).arrayBuffer(), signal));
        await start(payload, signal);
      } finally {
        // If this gives up before its turn, whoever is behind it waits for whoever is before it.
        if (before) void before.then(leave);
        else leave();
        if (this.#line === mine) this.#line = before;
      }
    });
  }

  /** @param {import("./hisock.d.ts").WaitOptions} [options] */
  async drained(options = {}) {
    const { signal, timeout } = needWait("drained", options, ["signal", "timeout"]);
    signal?.throwIfAborted();
    await this.#conn.ask(signal, timeout, `no room after ${timeout} ms`, (native, id) => native.drained(id));
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  async recvRaw(options = {}) {
    return this.#raw.take(needWait("recvRaw", options, ["signal"]).signal);
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  rawMessages(options = {}) {
    const { signal } = needWait("rawMessages", options, ["signal"]);
    const left = new AbortController();
    const until = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
    return iterator(() => this.#raw.take(until), () => left.abort());
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   * @param {{ as?: As, signal?: AbortSignal, timeout?: number }} [options]
   * @returns {Promise<any>}
   */
  async call(command, value, options = {}) {
    needString("command", command);
    const what = `call "${command}"`;
    const { as, signal, timeout } = needWait(what, options, ["as", "signal", "timeout"]);
    const form = needAs(what, as, this.#as);
    const late = `no reply to "${command}" after ${timeout} ms`;
    let reply;
    if (this.#line || isBlob(value)) {
      reply = await within(signal, timeout, late, async (signal) => {
        let asked;
        await this.#inLine(what, value, signal, undefined, "", (payload) => {
          asked = this.#conn.ask(signal, undefined, "", (native, id) => native.call(id, command, payload));
        });
        return asked;
      });
    } else {
      const payload = encode(what, value);
      signal?.throwIfAborted();
      reply = await this.#conn.ask(signal, timeout, late, (native, id) => native.call(id, command, payload));
    }
    return decodeReply(`reply to "${command}"`, reply, form);
  }

  /**
   * @param {string} name
   * @param {unknown} [arg]
   * @param {import("./hisock.d.ts").StreamOptions<any>} [options]
   * @returns {AsyncGenerator<any, void, void>}
   */
  stream(name, arg, options = {}) {
    const { what, as, open } = this.#stream(name, arg, options, ["as", "signal"], true, false);
    return exchange(open, what, as);
  }

  /**
   * @param {string} name
   * @param {unknown} arg
   * @param {unknown} items
   * @param {import("./hisock.d.ts").StreamOptions<any>} [options]
   * @returns {AsyncGenerator<any, void, void>}
   */
  exchange(name, arg, items, options = {}) {
    const { what, as, open } = this.#stream(name, arg, options, ["as", "signal"], false, false);
    return exchange(open, what, as, { items });
  }

  /**
   * @param {string} name
   * @param {unknown} arg
   * @param {unknown} items
   * @param {import("./hisock.d.ts").StreamOptions<any>} [options]
   * @returns {Promise<any>}
   */
  async upload(name, arg, items, options = {}) {
    const { what, as, open } = this.#stream(name, arg, options, ["as", "signal"], false, false);
    return upload(open, what, as, items);
  }

  /**
   * @param {string} name
   * @param {unknown} [arg]
   * @param {{ signal?: AbortSignal }} [options]
   */
  openBytes(name, arg, options = {}) {
    const { what, open } = this.#stream(name, arg, options, ["signal"], false, true);
    return byteStreams(open(), what);
  }

  /**
   * Checks the arguments of a stream.
   *
   * @param {string} name
   * @param {unknown} arg
   * @param {object} options
   * @param {string[]} known
   * @param {boolean} silent
   * @param {boolean} carries
   */
  #stream(name, arg, options, known, silent, carries) {
    needString("stream", name);
    const what = `stream "${name}"`;
    const { as, signal } = checkStreamOptions(what, options, known);
    const payload = encode(what, arg);
    return { what, as: needAs(what, as, this.#as), open: () => this.#conn.openStream(name, payload, silent, carries, signal) };
  }

  /**
   * @param {string} group
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  join(group, options) {
    return this.#change(0, "join", group, options);
  }

  /**
   * @param {string} group
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  leave(group, options) {
    return this.#change(1, "leave", group, options);
  }

  /**
   * @param {string} name
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  rename(name, options) {
    return this.#change(2, "rename", name, options);
  }

  /**
   * @param {0 | 1 | 2} how
   * @param {string} what
   * @param {string} name
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  async #change(how, what, name, options = {}) {
    needString(how === 2 ? "name" : "group", name);
    const { signal, timeout } = needWait(what, options, ["signal", "timeout"]);
    signal?.throwIfAborted();
    await this.#conn.change(how, name, signal, timeout, `${what} "${name}": no answer after ${timeout} ms`);
  }

  retryNow() {
    this.#conn.retryNow();
  }

  /** @param {import("./hisock.d.ts").WaitOptions} [options] */
  async drain(options = {}) {
    const { signal, timeout } = needWait("drain", options, ["signal", "timeout"]);
    try {
      await within(signal, timeout, `calls were still under way after ${timeout} ms`, async (signal) => {
        signal.throwIfAborted();
        while (this.#line) await unlessAborted(this.#line, signal);
        await this.#conn.drain(signal);
      });
    } finally {
      await this.close();
    }
  }

  async close() {
    await this.#conn.close();
  }

  /** @param {string} command */
  #checkCommand(command) {
    needString("command", command);
    const err = !this.#incoming.knows(command) && this.#inst.native.checkCommand(command);
    if (err) throw err;
  }

  /**
   * Throws unless the page has asked for notices and fn is a function.
   *
   * @param {string} hook
   * @param {unknown} fn
   */
  #needNotices(hook, fn) {
    needFunction(`handler of ${hook}`, fn);
    if (!this.#notices) {
      throw new HisockError("unsupported", "connect with { notices: true } to hear of other clients");
    }
  }
}

/**
 * Adds a handler, and removes it when signal aborts.
 *
 * @param {AbortSignal | undefined} signal
 * @param {() => () => void} add
 */
function until(signal, add) {
  if (signal?.aborted) return () => {};
  const remove = add();
  signal?.addEventListener("abort", remove, { once: true });
  return remove;
}
