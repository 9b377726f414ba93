// The outgoing side of a connection: the frames of its log, control frames beside them, and the waiters for room. All frames
// of one task go in one write.

import { HisockError } from "../errors.js";
import { Log } from "./log.js";
import { sizeOf } from "./numbers.js";
import { frame, join, kind, none } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {{ id: number, size: number, start: () => void }} Waiter a call, an answer or the page that waits for room */

// The nonce of a ping that asks for an ack: the server writes the ack before the pong.
const askNonce = 1n << 63n;

export class Outgoing {
  log;
  /** The number of the server's frames that the last written ack acknowledges. */
  toldAck = 0;

  /** @type {import("./link.js").Link | undefined} */
  #link;
  #scheduled = false;

  // The control frames of the next write: at most one of each kind.
  #ack = 0; // the number of received frames, or 0 for no ack
  #ping = false;
  #ask = false; // a ping with askNonce
  /** @type {Num | undefined} */
  #pong;
  #pingedAt = 0; // when the last ping was written that has no answer, or 0
  /** The time to the server and back, in milliseconds, and when it was measured. */
  rtt = 0;
  measuredAt = 0;
  /** @type {Num | undefined} */
  #probe; // the nonce of a ping that follows all frames

  #asking = false; // the server has been asked for an ack, and has not answered
  #askedAt = 0; // the number of acknowledged frames when the server was asked
  /** @type {Waiter[]} */
  #waiters = [];

  /**
   * @param {number} queueBytes
   * @param {boolean} keeps the log keeps written frames until the server has acknowledged them
   */
  constructor(queueBytes, keeps) {
    this.log = new Log(queueBytes);
    this.log.keeps = keeps;
  }

  // The bytes that the WebSocket holds and the log does not: none, unless the server acknowledges nothing.
  get #unsent() {
    return this.log.keeps ? 0 : (this.#link?.buffered ?? 0);
  }

  /** Reports whether there is room for a frame of that size. @param {number} size */
  admits(size) {
    return this.log.admits(size, this.#unsent);
  }

  /** Returns in words why there is no room. @param {number} size */
  noRoom(size) {
    return this.log.noRoom(size, this.#unsent);
  }

  /** The number of waiters for room. */
  get waiting() {
    return this.#waiters.length;
  }

  /**
   * Begins to write to a link.
   *
   * @param {import("./link.js").Link} link
   * @param {number} received the number of the server's frames that the server knows to have arrived
   */
  attach(link, received) {
    this.#link = link;
    this.toldAck = received;
    if (this.log.waiting > 0) this.#schedule();
    this.wake();
  }

  /** Stops writing, and drops the control frames of the next write: they concern this link alone. */
  detach() {
    this.#link = this.#pong = this.#probe = undefined;
    this.#ack = 0;
    this.#ping = this.#ask = this.#asking = false;
    this.#pingedAt = this.measuredAt = 0;
  }

  /** Stops writing, and drops the waiters for room. */
  close() {
    this.detach();
    this.#waiters = [];
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Writes all frames that wait. */
  flush() {
    const { log } = this;
    const link = this.#link;
    if (!link) return;
    /** @type {Uint8Array[]} */
    const control = [];
    if (this.#ack > this.toldAck) {
      control.push(frame(kind.ack, this.#ack));
      this.toldAck = this.#ack;
    }
    if (this.#ask || this.#ping) {
      control.push(frame(kind.ping, this.#ask ? askNonce : 0));
      this.#pingedAt ||= performance.now();
    }
    if (this.#pong !== undefined) control.push(frame(kind.pong, this.#pong));
    this.#ack = 0;
    this.#ask = this.#ping = false;
    this.#pong = undefined;
    const probe = this.#probe;
    this.#probe = undefined;
    if (log.waiting > 0 || control.length > 0) log.flush(control.length > 0 ? join(control) : none, (part) => link.write(part));
    else if (probe === undefined) return;
    if (probe !== undefined) link.write(frame(kind.ping, probe));
    this.wake();
  }

  /**
   * Queues a frame. Its length is the result of lengthOf.
   *
   * @param {number} length
   * @param {number} k
   * @param {Num | undefined} id
   * @param {Uint8Array | undefined} name
   * @param {Uint8Array} rest
   */
  add(length, k, id, name, rest) {
    this.log.add(length, k, id, name, rest);
    if (!this.#scheduled) this.#schedule();
  }

  /**
   * Queues a frame as soon as there is room for it.
   *
   * @param {number} waiter the id for giveUp, or 0
   * @param {number} length
   * @param {number} k
   * @param {Num} id
   * @param {Uint8Array | undefined} name
   * @param {Uint8Array} rest
   */
  addLater(waiter, length, k, id, name, rest) {
    const size = sizeOf(length) + length;
    if (this.#waiters.length === 0 && this.admits(size)) {
      this.add(length, k, id, name, rest);
      return;
    }
    const own = rest.slice(); // the page may change rest meanwhile
    this.wait(waiter, size, () => this.add(length, k, id, name, own));
  }

  /**
   * Runs start as soon as there is room for a frame of that size.
   *
   * @param {number} id
   * @param {number} size
   * @param {() => void} start
   */
  wait(id, size, start) {
    this.#waiters.push({ id, size, start });
    this.wake();
  }

  /**
   * Drops the waiter with that id. It returns false if there is none.
   *
   * @param {number} id
   */
  giveUp(id) {
    const before = this.#waiters.length;
    this.#waiters = this.#waiters.filter((w) => w.id !== id);
    return this.#waiters.length < before;
  }

  /** Starts the waiters whose frames have room. */
  wake() {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) {
      if (this.admits(w.size)) w.start();
      else this.#waiters.push(w);
    }
    if (this.#waiters.length > 0) this.ask();
  }

  /** Asks the server for an ack, for the waiters. */
  ask() {
    if (this.#asking || !this.#link || this.log.kept + this.#unsent === 0) return;
    this.#asking = this.#ask = true;
    this.#askedAt = this.log.acked;
    this.#schedule();
  }

  /**
   * Queues an ack for the next write. If now is set, the ack itself causes a write.
   *
   * @param {number} received the number of received frames
   * @param {boolean} now
   */
  ack(received, now) {
    this.#ack = received;
    if (now) this.#schedule();
  }

  /** Asks the server whether it is still there. */
  ping() {
    this.#ping = true;
    this.#schedule();
  }

  /** Writes all frames that wait, and a ping after them. Its pong shows that all of them have arrived. @param {Num} nonce */
  probe(nonce) {
    this.#probe = nonce;
    this.flush();
  }

  /** @param {Num} nonce */
  pong(nonce) {
    this.#pong = nonce;
    this.#schedule();
  }

  /** @param {Num} nonce */
  gotPong(nonce) {
    if (this.#pingedAt > 0) this.rtt = performance.now() - this.#pingedAt;
    this.#pingedAt = 0;
    this.measuredAt = Date.now();
    if (nonce !== askNonce || !this.#asking) return;
    this.#asking = false;
    // A pong without a new ack shows that the server writes no acks. Then no waiter need wait for one.
    if (this.log.keeps && this.log.acked === this.#askedAt && this.#waiters.length > 0) this.log.stopKeeping();
    this.wake();
  }

  /** @param {Num} received */
  gotAck(received) {
    if (!this.log.ack(received)) throw new HisockError("protocol", "an ack of more than was sent, or less than before");
    this.wake();
  }
}
