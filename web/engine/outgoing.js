// What a connection sends: the frames of its log, control frames beside them, and who waits for room. All that is sent in
// one task is one write.

import { HisockError } from "../errors.js";
import { Log } from "./log.js";
import { sizeOf } from "./numbers.js";
import { frame, join, kind, none } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {{ id: number, size: number, start: () => void }} Waiter a call, an answer or the page that waits for room */

// The nonce of a ping whose answer comes behind an ack.
const askNonce = 1n << 63n;

export class Outgoing {
  log;
  /** How many frames of the server the last ack that was written has acknowledged. */
  toldAck = 0;

  /** @type {import("./link.js").Link | undefined} */
  #link;
  #scheduled = false;

  // Control frames that go with the next write: at most one of each.
  #ack = 0; // how many frames to acknowledge, or 0
  #ping = false;
  #ask = false; // a ping with askNonce
  /** @type {Num | undefined} */
  #pong;
  /** @type {Num | undefined} */
  #probe; // the nonce of a ping that goes behind what is written

  #asking = false; // the server was asked for an ack
  #askedAt = 0; // how many frames were acknowledged then
  /** @type {Waiter[]} */
  #waiters = [];

  /**
   * @param {number} queueBytes
   * @param {boolean} keeps what was written is kept until the server has acknowledged it
   */
  constructor(queueBytes, keeps) {
    this.log = new Log(queueBytes);
    this.log.keeps = keeps;
  }

  /** How many wait for room. */
  get waiting() {
    return this.#waiters.length;
  }

  /**
   * Begins to write to a link, whose server knows how many of its frames have come.
   *
   * @param {import("./link.js").Link} link
   * @param {number} received
   */
  attach(link, received) {
    this.#link = link;
    this.toldAck = received;
    if (this.log.waiting > 0) this.#schedule();
    this.wake();
  }

  /** Writes nothing any more. What was to be told over the link is not worth telling any more. */
  detach() {
    this.#link = this.#pong = this.#probe = undefined;
    this.#ack = 0;
    this.#ping = this.#ask = this.#asking = false;
  }

  /** Lets go of those who wait for room. */
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

  /** Writes what waits. */
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
    if (this.#ask || this.#ping) control.push(frame(kind.ping, this.#ask ? askNonce : 0));
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
   * Queues a frame, whose length lengthOf has said.
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
   * @param {number} waiter under which it can be given up before, or 0
   * @param {number} length
   * @param {number} k
   * @param {Num} id
   * @param {Uint8Array | undefined} name
   * @param {Uint8Array} rest
   */
  addLater(waiter, length, k, id, name, rest) {
    const size = sizeOf(length) + length;
    if (this.#waiters.length === 0 && this.log.admits(size)) {
      this.add(length, k, id, name, rest);
      return;
    }
    const own = rest.slice(); // it is the page's memory
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
   * Gives up the wait with that id. It returns false if there is none.
   *
   * @param {number} id
   */
  giveUp(id) {
    const before = this.#waiters.length;
    this.#waiters = this.#waiters.filter((w) => w.id !== id);
    return this.#waiters.length < before;
  }

  /** Lets those go on for whom there is room. */
  wake() {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) {
      if (this.log.admits(w.size)) w.start();
      else this.#waiters.push(w);
    }
    if (this.#waiters.length > 0) this.ask();
  }

  /** Asks for an ack, which somebody waits for. */
  ask() {
    if (this.#asking || !this.#link || this.log.kept === 0) return;
    this.#asking = this.#ask = true;
    this.#askedAt = this.log.acked;
    this.#schedule();
  }

  /**
   * Lets an ack be written: with the next write or, if now is set, for its own sake.
   *
   * @param {number} received how many frames have come
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

  /** Writes what waits, and behind it asks the server when all of it has arrived. @param {Num} nonce */
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
    if (nonce !== askNonce || !this.#asking) return;
    this.#asking = false;
    // If it has brought no ack there will never be one, and nobody need wait for that.
    if (this.log.keeps && this.log.acked === this.#askedAt && this.#waiters.length > 0) this.log.stopKeeping();
    this.wake();
  }

  /** @param {Num} received */
  gotAck(received) {
    if (!this.log.ack(received)) throw new HisockError("protocol", "an ack of more than was sent, or less than before");
    this.wake();
  }
}
