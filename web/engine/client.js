// The engine's client: the page's requests to it, and the page's answers to it.

import { HisockError, nameOf } from "../errors.js";
import { Book } from "./book.js";
import { Campaign } from "./campaign.js";
import { detach, sessionBytes, unparkFor } from "./detach.js";
import { fromServer } from "./fault.js";
import { frameSize } from "./log.js";
import { Names } from "./names.js";

import { join, kind, none } from "./wire.js";

/** @typedef {import("../native.d.ts").Config} Config */
/** @typedef {import("../native.d.ts").NativeClient} NativeClient */
/** @typedef {import("./conn.js").Conn} Conn */

/** How long the page may take for its auth, in milliseconds. */
const authTime = 15_000;

/** @implements {NativeClient} */
export class EngineClient {
  sink;
  notices;
  queueBytes;
  names = new Names();
  book = new Book();

  #config;
  #campaign;
  #onOver;

  /** The calls of the server that the page handles. @type {Map<number, { conn: Conn, id: import("./numbers.js").Num }>} */
  #served = new Map();
  /** The requests for the page's auth that wait for an answer. @type {Map<number, (auth: Uint8Array | HisockError) => void>} */
  #asked = new Map();
  #lastServed = 0;
  // On the wire the ids of the page's requests are even, and the ids of the engine's own requests are odd.
  #firstCall = 0; // the ids begin after it
  #lastCall = 0; // the greatest used id
  #ownCalls = 0;
  #lacking = 0; // bytes of the last frame to send, if it had no room

  /**
   * @param {Config} config
   * @param {import("../native.d.ts").Sink} sink
   * @param {() => void} onOver is called when the client has ended or is detached
   */
  constructor(config, sink, onOver) {
    this.#config = { ...config, auth: config.auth && config.auth.slice() };
    this.sink = sink;
    this.notices = config.notices;
    this.queueBytes = config.queueBytes || 1 << 20;
    this.#onOver = onOver;
    this.#campaign = new Campaign(this, this.#config);
    this.#campaign.attempts.parked = unparkFor(this, config.session);
    queueMicrotask(() => void this.#run());
  }

  async #run() {
    const why = await this.#campaign.run();
    if (this.#conn?.isAbandoned) return; // the page has detached the client
    this.#onOver();
    this.sink.ended(why.code === "closed" && !why.remote && this.#conn ? undefined : why);
  }

  get #conn() {
    return this.#campaign.conn;
  }

  begin() {
    this.#campaign.begin();
  }

  retryNow() {
    this.#campaign.retryNow();
  }

  offline() {
    this.#campaign.offline();
  }

  name() {
    return this.#conn?.name ?? this.#config.name;
  }

  groups() {
    return [...(this.#conn?.groups ?? [])].sort();
  }

  refusedGroups() {
    return (this.#conn?.refused ?? []).flatMap((r) => [r.name, fromServer(r)]);
  }

  /** The number of bytes that wait to be written, in the log and in the WebSocket. */
  waiting() {
    const conn = this.#conn;
    return conn ? conn.out.log.waiting + (conn.link?.buffered ?? 0) : 0;
  }

  rtt() {
    return this.#conn?.out.rtt ?? 0;
  }

  /** The number of the engine's callbacks that the client's WebSocket has. */
  get callbacks() {
    return this.#conn?.callbacks ?? 0;
  }

  // Commands and raw messages.

  /** @param {string} command @param {Uint8Array} payload */
  send(command, payload) {
    const name = this.names.bytes(command);
    return name instanceof Error ? name : this.#send(name, payload);
  }

  /** @param {Uint8Array} payload */
  sendRaw(payload) {
    return this.#send(undefined, payload);
  }

  /** @param {Uint8Array | undefined} name @param {Uint8Array} payload */
  #send(name, payload) {
    if (!this.#conn) return notConnected();
    const err = this.#conn.send(name, payload);
    this.#lacking = err?.code === "queue_full" ? frameSize(undefined, name, payload) : 0;
    return err;
  }

  /** @param {number} id */
  drained(id) {
    const size = Math.max(this.#lacking, this.queueBytes / 4);
    this.#withConn(id, (conn, done) => conn.awaitRoom(this.#idOf(id), size, done));
  }

  // Streams.

  /** @param {string} name @param {Uint8Array} arg @param {boolean} silent @param {boolean} carries */
  openStream(name, arg, silent, carries) {
    const bytes = this.names.bytes(name);
    if (bytes instanceof Error) return bytes;
    return this.#conn ? this.#conn.streams.open(bytes, arg, silent, carries) : notConnected();
  }

  /** Returns the id of the next stream. After a resume in a new page both engines continue after the last id of the previous page. */
  nextStream() {
    return 2 * ++this.#lastCall + 1;
  }

  // Calls to the server, and requests for changes.

  /** @param {number} id @param {string} command @param {Uint8Array} payload */
  call(id, command, payload) {
    this.#withConn(id, (conn, done) => conn.ask(this.#idOf(id), kind.request, command, payload, done));
  }

  /** @param {number} id @param {0 | 1 | 2} how @param {string} name */
  change(id, how, name) {
    const k = /** @type {const} */ ([kind.askJoin, kind.askLeave, kind.askRename])[how];
    this.#withConn(id, (conn, done) => this.#ask(conn, this.#idOf(id), k, name, done));
  }

  /** @param {number} id */
  cancel(id) {
    this.#conn?.cancel(this.#idOf(id));
  }

  /**
   * Runs a request on the connection. done tells the sink of the outcome.
   *
   * @param {number} id
   * @param {(conn: Conn, done: import("./conn.js").Asked["done"]) => void} what
   */
  #withConn(id, what) {
    const done = (/** @type {HisockError | undefined} */ err, /** @type {Uint8Array | undefined} */ reply) => this.sink.settled(id, err, reply);
    if (this.#conn) what(this.#conn, done);
    else done(notConnected(), undefined);
  }

  /**
   * Asks for a change.
   *
   * @param {Conn} conn
   * @param {number} id
   * @param {number} k
   * @param {string} name
   * @param {import("./conn.js").Asked["done"]} done
   */
  #ask(conn, id, k, name, done) {
    const at = k === kind.askJoin ? this.book.position(name) : undefined;
    conn.ask(id, k, name, at ? join([at.epoch, at.number]) : none, (err, reply) => {
      if (!err) conn.wish.answered(k, name, true);
      done(err, reply);
    });
  }

  /** The id on the wire. @param {number} id */
  #idOf(id) {
    const wire = this.#firstCall + 2 * id;
    this.#lastCall = Math.max(this.#lastCall, wire);
    return wire;
  }

  /**
   * Continues after the last id of the previous page.
   *
   * @param {number} last
   */
  restoreCalls(last) {
    this.#firstCall = this.#lastCall = last + (last % 2);
  }

  /**
   * Asks for the name and the groups that the hello left out, one after the other.
   *
   * @param {Conn} conn
   */
  async askLater(conn) {
    const { rename, later } = conn.wish;
    /** @type {[number, string][]} */
    const wishes = [...later].map((group) => [kind.askJoin, group]);
    if (rename) wishes.unshift([kind.askRename, rename]);
    for (const [k, name] of wishes) {
      for (;;) {
        const id = this.#firstCall + 2 * this.#ownCalls++ + 1;
        this.#lastCall = Math.max(this.#lastCall, id);
        const err = await new Promise((resolve) => this.#ask(conn, id, k, name, resolve));
        if (err?.retryAfter) await new Promise((resolve) => setTimeout(resolve, err.retryAfter));
        if (conn.ended) return;
        if (err?.retryAfter) continue;
        if (err) {
          conn.wish.answered(k, name, false);
          conn.warn("the server refuses what the client had before", err, "change", k === kind.askRename ? "rename" : "join", "to", name);
        }
        break;
      }
    }
  }

  // The page's answers to calls of the server, and its auth.

  /** @param {Conn} conn @param {import("./numbers.js").Num} id */
  nextServed(conn, id) {
    this.#served.set(++this.#lastServed, { conn, id });
    return this.#lastServed;
  }

  /** @param {number} page */
  forgetServed(page) {
    this.#served.delete(page);
  }

  /**
   * Asks the page for its auth.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<Uint8Array>}
   */
  askAuth(signal) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastServed;
      const settle = (/** @type {Uint8Array | HisockError} */ auth) => {
        this.#asked.delete(id);
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        if (auth instanceof Error) reject(auth);
        else resolve(auth.slice());
      };
      const giveUp = (/** @type {HisockError} */ why) => {
        settle(why);
        this.sink.cancelled(id);
      };
      const abort = () => giveUp(signal.reason);
      const timer = setTimeout(() => giveUp(new HisockError("unavailable", "the auth took too long")), authTime);
      signal.addEventListener("abort", abort);
      this.#asked.set(id, settle);
      this.sink.auth(id);
      if (signal.aborted) abort();
    });
  }

  /** @param {number} id @param {Uint8Array} payload */
  answer(id, payload) {
    const call = this.#served.get(id);
    call?.conn.served.answer(call.id, payload);
    this.#served.delete(id);
    this.#asked.get(id)?.(payload);
  }

  /**
   * @param {number} id
   * @param {number} code
   * @param {string} message
   * @param {number} retryAfter
   * @param {Uint8Array | undefined} details
   */
  refuse(id, code, message, retryAfter, details) {
    const call = this.#served.get(id);
    call?.conn.served.refuse(call.id, { code, reason: message, retryAfter, details });
    this.#served.delete(id);
    const err = new HisockError("internal", message, { retryAfter });
    err.code = nameOf(code);
    this.#asked.get(id)?.(err);
  }

  // The end.

  close() {
    this.begin();
    this.#campaign.stop(new HisockError("closed", "the client was closed"));
    this.#conn?.close();
  }

  sessionBytes() {
    return sessionBytes(this.#conn, this.book, this.#lastCall);
  }

  /** @param {boolean} bye */
  detach(bye) {
    const session = detach(this.#conn, this.book, this.#lastCall, bye);
    if (session) {
      this.#campaign.stop(/** @type {HisockError} */ (this.#conn?.ended));
      this.#onOver();
    }
    return session;
  }
}

const notConnected = () => new HisockError("not_connected", "the client has not connected");
