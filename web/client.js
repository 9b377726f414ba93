// The API of a client: handlers, sends, calls and changes. Arguments are checked here.

import { Connection } from "./connection.js";
import { HisockError, describe, needFunction, needOptions, needSignal, needString, needTimeout } from "./errors.js";
import { bytesOf, decodeReply, encode, needAs } from "./payload.js";
import { Incoming } from "./incoming.js";
import { RawInbox } from "./raw.js";
import { byteStreams, checkStreamOptions, exchange, upload } from "./streams.js";

/** @typedef {import("./hisock.d.ts").Client} ClientType */
/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./engines.js").Engine} Instance */
/** @typedef {import("./connection.js").Options} Options */

/** @implements {ClientType} */
export class Client {
  #inst;
  #as;
  #notices;

  /** @type {Incoming} */
  #incoming;
  #raw = new RawInbox();
  #conn;

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
    this.#inst = inst;
    this.#as = options.as;
    this.#notices = options.config.notices;
    this.#incoming = new Incoming(this.#raw, options.log);
    this.#conn = new Connection(inst, options, this.#incoming, this.#raw);
    this.closed = this.#conn.closed;
    for (const { command, fn, options: more } of options.on) this.on(command, fn, more);
    for (const { command, fn, options: more } of options.handle) this.handle(command, fn, more);
    for (const { command, fn, options: more } of options.handleStream) this.handleStream(command, fn, more);
    for (const { hook, fn } of options.hooks) this[hook](fn);
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

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As }} [options]
   */
  on(command, fn, options = {}) {
    this.#checkCommand(command);
    needFunction(`handler of "${command}"`, fn);
    needOptions(`on "${command}"`, options, ["as"]);
    return this.#incoming.on(command, fn, needAs(`on "${command}"`, options.as, this.#as));
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
   * @param {{ as?: As }} [options]
   */
  handle(command, fn, options = {}) {
    this.#checkCommand(command);
    needFunction(`handler of calls of "${command}"`, fn);
    needOptions(`handle "${command}"`, options, ["as"]);
    return this.#incoming.handle(command, fn, needAs(`handle "${command}"`, options.as, this.#as));
  }

  /**
   * @param {string} name
   * @param {Function} fn
   * @param {{ as?: As }} [options]
   */
  handleStream(name, fn, options = {}) {
    this.#checkCommand(name);
    needFunction(`handler of streams of "${name}"`, fn);
    needOptions(`handleStream "${name}"`, options, ["as"]);
    return this.#incoming.handleStream(name, fn, needAs(`handleStream "${name}"`, options.as, this.#as));
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
   */
  send(command, value) {
    needString("command", command);
    const payload = encode(`command "${command}"`, value);
    this.#conn.do((native) => native.send(command, payload));
  }

  /** @param {unknown} bytes */
  sendRaw(bytes) {
    if (typeof bytes !== "string" && !bytesOf(bytes)) {
      throw new TypeError(`hisock: raw message: must be a string or bytes, not ${describe(bytes)}`);
    }
    const payload = encode("raw message", bytes);
    this.#conn.do((native) => native.sendRaw(payload));
  }

  /** @param {import("./hisock.d.ts").DrainOptions} [options] */
  async drained(options = {}) {
    needOptions("drained", options, ["signal", "timeout"]);
    const { signal, timeout } = options;
    needSignal("drained: signal", signal);
    needTimeout("drained: timeout", timeout);
    signal?.throwIfAborted();
    await this.#conn.ask(signal, timeout, `no room after ${timeout} ms`, (native, id) => native.drained(id));
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  async recvRaw(options = {}) {
    needOptions("recvRaw", options, ["signal"]);
    needSignal("recvRaw signal", options.signal);
    return this.#raw.take(options.signal);
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   * @param {{ as?: As, signal?: AbortSignal, timeout?: number }} [options]
   * @returns {Promise<any>}
   */
  async call(command, value, options = {}) {
    needString("command", command);
    needOptions(`call "${command}"`, options, ["as", "signal", "timeout"]);
    const as = needAs(`call "${command}"`, options.as, this.#as);
    const { signal, timeout } = options;
    needSignal(`call "${command}": signal`, signal);
    needTimeout(`call "${command}": timeout`, timeout);
    const payload = encode(`call "${command}"`, value);
    signal?.throwIfAborted();

    const late = `no reply to "${command}" after ${timeout} ms`;
    const reply = await this.#conn.ask(signal, timeout, late, (native, id) => native.call(id, command, payload));
    return decodeReply(`reply to "${command}"`, reply, as);
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
    needOptions(what, options, ["signal", "timeout"]);
    const { signal, timeout } = options;
    needSignal(`${what}: signal`, signal);
    needTimeout(`${what}: timeout`, timeout);
    signal?.throwIfAborted();
    const late = `${what} "${name}": no answer after ${timeout} ms`;
    await this.#conn.ask(signal, timeout, late, (native, id) => native.change(id, how, name));
  }

  retryNow() {
    this.#conn.retryNow();
  }

  async close() {
    await this.#conn.close();
  }

  /** @param {string} command */
  #checkCommand(command) {
    needString("command", command);
    const err = this.#inst.native.checkCommand(command);
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
