// The client of a page. Its methods are in the classes that it extends, which check arguments: receiving.js, sending.js, waiting.js
// and streaming.js.

import { Connection } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Incoming } from "./incoming.js";
import { eventOf } from "./hooks.js";
import { Line } from "./line.js";
import { Streaming } from "./streaming.js";

/** @typedef {import("./hisock.d.ts").Client} ClientType */
/** @typedef {import("./connection.js").Options} Options */
/** @typedef {import("./engines.js").Engine} Engine */

// How many raw messages are kept for recvRaw, and how large they are together.
const maxRaw = 256;
const maxRawBytes = 1 << 20;

/** @implements {Omit<ClientType, `on${Capitalize<import("./hooks.js").Hook>}`>} */
export class Client extends Streaming {
  #conn;
  closed;

  /**
   * Connects. The promise resolves once the server has welcomed the client.
   *
   * @param {Engine} inst
   * @param {Options} options
   * @param {AbortSignal} signal
   */
  static async open(inst, options, signal) {
    const raw = new Inbox(maxRaw, maxRawBytes);
    const incoming = new Incoming(raw, options.log);
    const conn = new Connection(inst, options, incoming, raw);
    const { requests } = conn;
    const client = new Client({ inst, options, incoming, raw, conn, requests, line: new Line(requests) });
    await conn.open(options, signal);
    return client;
  }

  /** @param {import("./receiving.js").Parts} parts */
  constructor(parts) {
    super(parts);
    const { incoming, conn, options } = parts;
    this.#conn = conn;
    this.closed = conn.closed;
    incoming.hook("state", (/** @type {string} */ state, /** @type {unknown} */ why) => {
      this.#emit("state", state, why);
      if (state === "reconnecting") this.#emit("offline", state, why);
      else if (state === "connected" || state === "resumed") this.#emit(state, state, why);
    });
    void this.closed.then((why) => this.#emit("closed", "disconnected", why));
    for (const { command, fn, options: more } of options.on) this.on(command, fn, more);
    for (const { command, fn, options: more } of options.handle) this.handle(command, fn, more);
    for (const { command, fn, options: more } of options.handleStream) this.handleStream(command, fn, more);
    for (const { hook, fn } of options.hooks) incoming.hook(eventOf(hook), fn);
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

  retryNow() {
    this.#conn.retryNow();
  }
}
