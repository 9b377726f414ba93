// One stream of a connection: the items that the page has not taken, the items that wait for credit, and the ends of both
// directions. streams.js has all streams of a connection.

import { HisockError } from "../errors.js";
import { firstCredit, itemCost } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {import("./wire.js").Goodbye} Goodbye */
/** @typedef {import("../native.d.ts").NativeStream} NativeStream */

/** The first credit of the server for each stream, in bytes. It grows as core/internal/stream/window.go says. */
export const window = 256 << 10;

/** Bytes by which the windows of all streams of a connection may grow. */
export const growth = 4 * window;

const growthPart = 2; // one stream takes at most that part of the growth that the others have left
const behind = 4; // windows that the page takes without a wait: then it has fallen behind

const maxItem = 1 << 20; // bytes of an item
const minPiece = 1 << 10; // bytes: a sender with less credit waits for more
const ahead = 64 << 10; // bytes that may wait before the page has to wait

/** @implements {NativeStream} */
export class Stream {
  onChange = () => {};
  /** 0 until the server has been told. @type {Num} */
  id = 0;
  over = false;
  isReady = false; // the stream is in the list of streams that have something to send
  isLeft = false; // the handler has returned

  // From the server.
  credit = window; // bytes that the server may send
  inDone = false; // the server has sent all
  /** @type {{ payload: Uint8Array, cost: number }[]} */
  #items = [];
  /** @type {Uint8Array[]} parts of an item that is not complete */
  #parts = [];
  #partSize = 0;
  #partCost = 0; // cost of the parts that is not owed yet, in bytes
  #owed = 0; // bytes that the server is to be granted
  #extra = 0; // bytes by which the window has grown
  #steady = 0; // cost of the items that were taken since the window changed last
  #busy = 0; // cost of the items that were taken since the page waited last
  /** @type {HisockError | undefined} */
  #inErr;
  #waits = false; // the page has looked, and has found no item
  #stopped = false; // the page takes no more items

  // To the server.
  may = firstCredit; // bytes that the server has granted
  /** @type {"open" | "closing" | "closed"} */
  out = "open";
  /** @type {HisockError | undefined} */
  #outErr;
  /** @type {Uint8Array[]} */
  #queue = [];
  #waiting = 0; // bytes in the queue
  #sentOf = 0; // bytes of the first item in the queue that were sent
  /** @type {Goodbye[]} */
  #ends = []; // ends that are sent after the queue

  taken = 0; // items, or bytes
  sent = 0;
  delivered = 0;

  #table;
  #carries;
  isTheirs;

  /**
   * @param {import("./streams.js").Streams} table
   * @param {boolean} carries the stream carries bytes, not items
   * @param {boolean} isTheirs the server has opened it
   */
  constructor(table, carries, isTheirs) {
    this.#table = table;
    this.#carries = carries;
    this.isTheirs = isTheirs;
  }

  // Receiving.

  begin() {
    if (!this.inDone) this.#owed += window - firstCredit;
    this.#grant();
  }

  /**
   * Takes an item or a part. It returns false if the server must not send it.
   *
   * @param {Uint8Array} payload
   * @param {boolean} last
   */
  gotItem(payload, last) {
    const cost = payload.length + itemCost;
    if (this.inDone || cost > this.credit) return false;
    this.credit -= cost;
    if (this.#stopped || this.#inErr) return true;
    if (!this.#carries && this.#partSize + payload.length > maxItem) {
      this.abort({ code: 7, reason: `a stream item exceeds the limit ${maxItem} B`, retryAfter: 0, details: undefined }, new HisockError("too_big", `a stream item exceeds the limit ${maxItem} B`));
      return true;
    }
    this.#partCost += cost;
    if (!last && !this.#carries) {
      this.#parts.push(payload.slice());
      this.#partSize += payload.length;
      if (this.#waits) {
        this.#oweParts();
        this.#grant();
      }
      return true;
    }
    let whole = payload.slice();
    if (this.#parts.length > 0) {
      whole = new Uint8Array(this.#partSize + payload.length);
      let at = 0;
      for (const part of [...this.#parts, payload]) {
        whole.set(part, at);
        at += part.length;
      }
    }
    this.#items.push({ payload: whole, cost: this.#partCost });
    this.#dropParts();
    this.onChange();
    return true;
  }

  #dropParts() {
    this.#parts = [];
    this.#partSize = this.#partCost = 0;
  }

  #oweParts() {
    this.#owed += this.#partCost;
    this.#steady += this.#partCost;
    this.#partCost = 0;
  }

  get #window() {
    return window + this.#extra;
  }

  /** Notes that the page has taken all that has come, and waits. It may widen the window. */
  #hungry() {
    this.#busy = 0;
    if (this.#steady < this.#window / 2 || this.#stopped) return;
    this.#steady = 0;
    const most = Math.floor((growth - this.#table.grown + this.#extra) / growthPart);
    this.#widen(Math.max(Math.min(this.#window, most - this.#extra), 0));
  }

  /** Widens the window by n bytes, which the server is granted. @param {number} n */
  #widen(n) {
    this.#extra += n;
    this.#table.grown += n;
    this.#owed += n;
  }

  /** Gives the growth of the window to other streams: the stream grants nothing any more. */
  #ungrow() {
    this.#table.grown -= this.#extra;
    this.#extra = 0;
  }

  #grant() {
    if (this.#owed < this.#window / 2 || this.inDone || this.#stopped || this.over) return;
    this.credit += this.#owed;
    const n = this.#owed;
    this.#owed = 0;
    this.#table.sayCredit(this, n);
  }

  take() {
    const item = this.#items.shift();
    this.#waits = !item;
    if (!item) {
      this.#oweParts();
      if (this.inDone || this.over) this.#ungrow();
      else this.#hungry();
      this.#grant();
      return undefined;
    }
    this.taken += this.#carries ? item.payload.length : 1;
    this.#owed += item.cost;
    this.#steady += item.cost;
    this.#busy += item.cost;
    if (this.#extra > 0 && this.#busy > behind * this.#window) {
      this.#widen(-Math.min(this.#extra, this.#owed)); // credit that is not granted again
      this.#steady = 0;
    }
    this.#grant();
    return item.payload;
  }

  get ended() {
    return this.#inErr ?? (this.inDone || this.#stopped ? null : undefined);
  }

  /** The server has sent all. It returns false if that cannot be. */
  gotEnd() {
    if (this.inDone || this.#parts.length > 0) return false;
    this.inDone = true;
    this.settle();
    this.onChange();
    return true;
  }

  // Sending.

  /** @param {number} n */
  gotCredit(n) {
    this.may += n;
    this.#table.ready(this);
  }

  get refused() {
    return this.#outErr;
  }

  get hasRoom() {
    return this.#waiting < ahead;
  }

  /** @param {Uint8Array} payload */
  send(payload) {
    if (this.#outErr || this.out !== "open" || (this.#carries && payload.length === 0)) return;
    this.#queue.push(payload.slice());
    this.#waiting += payload.length + itemCost;
    this.#table.ready(this);
  }

  /** Whether nothing waits. */
  get isDrained() {
    return this.#queue.length === 0 && this.#ends.length === 0;
  }

  /**
   * Returns the number of bytes that the next frame carries, or -1 if there is no frame, or no credit for it.
   *
   * @param {number} maxFrame
   * @param {number} maxPiece
   */
  next(maxFrame, maxPiece) {
    const first = this.#queue[0];
    if (!first) return -1;
    const left = first.length - this.#sentOf;
    if (this.may < Math.min(left, minPiece, maxFrame - itemCost) + itemCost) return -1;
    return Math.min(left, maxPiece, this.may - itemCost, maxFrame - itemCost);
  }

  /**
   * Takes a frame of n bytes.
   *
   * @param {number} n
   */
  pull(n) {
    const first = /** @type {Uint8Array} */ (this.#queue[0]);
    const piece = first.subarray(this.#sentOf, this.#sentOf + n);
    this.#sentOf += n;
    this.may -= n + itemCost;
    this.#waiting -= n;
    const last = this.#sentOf === first.length;
    if (last) {
      this.#queue.shift();
      this.#sentOf = 0;
      this.#waiting -= itemCost;
    }
    const units = this.#carries ? n : last ? 1 : 0;
    this.sent += units;
    return { piece, last: last || this.#carries, units };
  }

  /** The ends that are due: nothing waits before them. */
  takeEnds() {
    const ends = this.#queue.length === 0 ? this.#ends : [];
    if (ends.length > 0) {
      this.#ends = [];
      this.out = "closed";
    }
    return ends;
  }

  // The end.

  finish() {
    if (this.over || this.out !== "open") return;
    this.out = "closing";
    this.#ends.push(complete);
    this.#table.ready(this);
  }

  /** @param {Goodbye} bye @param {HisockError} why */
  fail(bye, why) {
    this.#refuse(why);
    if (this.over) return;
    this.out = "closing";
    this.#ends.push(bye);
    this.#table.ready(this);
  }

  /** @param {Goodbye} bye @param {HisockError} why */
  stop(bye, why) {
    this.#refuse(why);
    if (!this.over && !this.inDone) {
      this.#ends.push(bye);
      this.#table.ready(this);
    }
  }

  /** @param {Goodbye} bye @param {HisockError} why */
  abort(bye, why) {
    this.#refuse(why);
    if (this.over) return;
    this.end(why);
    this.#table.sayEnd(this, bye);
    this.onChange();
  }

  leave() {
    this.isLeft = true;
    this.#table.ready(this);
  }

  /** @param {HisockError} why */
  #refuse(why) {
    this.#stopped = true;
    this.#inErr ??= why;
    this.#items = [];
    this.#dropParts();
    this.#ungrow();
  }

  /**
   * Ends the directions that have not ended. Items that have come before can still be taken.
   *
   * @param {HisockError} why
   */
  end(why) {
    if (this.over) return;
    if (!this.inDone) this.#inErr ??= why;
    if (this.out !== "closed") this.#outErr ??= why;
    this.#dropParts();
    this.#queue = [];
    this.#ends = [];
    this.#waiting = 0;
    this.out = "closed";
    this.over = true;
    this.#table.gone(this);
    this.onChange();
  }

  /** Lets the stream go if both directions have ended. */
  settle() {
    if (!this.inDone || this.out !== "closed" || this.over) return;
    this.over = true;
    this.#table.gone(this);
  }

  progress() {
    return { taken: this.taken, sent: this.sent, delivered: this.delivered };
  }
}

/** @type {Goodbye} */
const complete = { code: 0, reason: "", retryAfter: 0, details: undefined };
