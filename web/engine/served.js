// The calls of the server that the page handles, over one connection.

import { HisockError } from "../errors.js";
import { goodbye } from "./fault.js";
import { goodbyeBody, kind, lengthOf } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {import("./wire.js").Goodbye} Goodbye */

const most = 4096; // calls that are not answered

export class Served {
  #conn;
  /** The page's ids of the calls by their ids on the wire. @type {Map<Num, number>} */
  #pages = new Map();

  /** @param {import("./conn.js").Conn} conn */
  constructor(conn) {
    this.#conn = conn;
  }

  /** The number of calls that are not answered. */
  get size() {
    return this.#pages.size;
  }

  /**
   * Registers a call and returns the page's id for it. If there are too many, it refuses the call and returns undefined.
   *
   * @param {Num} id
   */
  add(id) {
    const conn = this.#conn;
    if (this.#pages.has(id)) throw new HisockError("protocol", "a call with the id of one that is not answered yet");
    if (this.size + conn.out.waiting >= most) {
      this.refuse(id, goodbye("too_many_calls", "too many calls are not answered yet"));
      return undefined;
    }
    const page = conn.client.nextServed(conn, id);
    this.#pages.set(id, page);
    return page;
  }

  /**
   * @param {Num} id
   * @param {Uint8Array} payload
   */
  answer(id, payload) {
    const conn = this.#conn;
    const length = lengthOf(id, undefined, payload);
    const err = conn.refusal(length);
    if (err) {
      this.refuse(id, goodbye("too_big", err.message));
      if (!conn.ended) conn.warn("a handler of a call failed", err);
      return;
    }
    this.#pages.delete(id);
    conn.out.addLater(0, length, kind.reply, id, undefined, payload);
  }

  /**
   * @param {Num} id
   * @param {Goodbye} why
   */
  refuse(id, why) {
    const conn = this.#conn;
    this.#pages.delete(id);
    if (conn.ended) return;
    const body = goodbyeBody(why, conn.maxFrame);
    if (!why.details) {
      conn.sendOwn(kind.failure, id, body);
      return;
    }
    const { length } = why.details;
    if (body.length < length) conn.warn("the details of an error are not sent", new HisockError("too_big", `${length} B exceed the peer's limit`));
    conn.out.addLater(0, lengthOf(id, undefined, body), kind.failure, id, undefined, body);
  }

  /**
   * Notes that the server has given a call up.
   *
   * @param {Num} id
   */
  cancel(id) {
    const page = this.#pages.get(id);
    if (page === undefined) return; // the call is answered
    this.#pages.delete(id);
    this.#conn.client.forgetServed(page);
    this.#conn.sink.cancelled(page);
  }

  /** Refuses all calls, because the client is detached. */
  park() {
    const why = goodbyeBody(goodbye("conn_lost", "the client was detached while it handled the call"), this.#conn.maxFrame);
    for (const id of this.#pages.keys()) this.#conn.sendOwn(kind.failure, id, why);
  }

  /** Forgets all calls, because the connection has ended. */
  end() {
    for (const page of this.#pages.values()) this.#conn.client.forgetServed(page);
    this.#pages.clear();
  }
}
