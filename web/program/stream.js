// One stream of the Go program. The program keeps the received items, and gives the page as many as the page wants.

import { HisockError } from "../errors.js";
import { ask, event, none } from "./border.js";

/** @typedef {import("../native.d.ts").NativeStream} NativeStream */
/** @typedef {import("../native.d.ts").StreamEnd} StreamEnd */
/** @typedef {import("./client.js").ProgramClient} ProgramClient */

const most = 32 << 10; // bytes of items that the page has and has not taken
const itemCost = 32; // bytes that an item weighs besides its payload
const ahead = 64 << 10; // bytes that may wait in the program for credit before the page waits

// How a stream ends.
const behind = 0; // both directions, after the sent items
const received = 1; // the server's direction
const atOnce = 2; // both directions

/** @implements {NativeStream} */
export class BorderStream {
  onChange = () => {};

  #border;
  #client;
  #id;
  #go;
  #carries;
  #gone;

  // The server's direction.
  /** @type {Uint8Array[]} */
  #items = [];
  #next = 0; // index of the next item
  #asked = false; // the program may give items
  #eaten = 0; // bytes of taken items for which the program may give others
  /** @type {HisockError | null | undefined} */
  #ended;

  // The page's direction.
  #given = 0; // bytes that wait in the program
  /** The items that the program does not have yet. @type {Uint8Array[]} */
  #queue = [];
  #queued = 0; // bytes of #queue
  /** Runs after the queue: it sends the end. @type {(() => void) | undefined} */
  #behind;
  #finished = false;
  #drained = false;
  /** @type {HisockError | undefined} */
  #refused;

  #serves;
  #left = false;
  #told = false; // onChange is due
  #progress = { taken: 0, sent: 0, delivered: 0 };

  /**
   * @param {import("./border.js").Border} border
   * @param {number} client
   * @param {number} id
   * @param {ProgramClient} go
   * @param {{ silent?: boolean, carries?: boolean, serves?: boolean }} kind
   * @param {() => void} gone is called when the program has forgotten the stream
   */
  constructor(border, client, id, go, { silent = false, carries = false, serves = false }, gone) {
    this.#border = border;
    this.#client = client;
    this.#id = id;
    this.#go = go;
    this.#carries = carries;
    this.#finished = this.#drained = silent;
    this.#serves = serves;
    this.#gone = gone;
  }

  /** @param {number} kind @param {Uint8Array} [payload] @param {number} [flags] */
  #put(kind, payload = none, flags = 0) {
    if (!this.#left) this.#border.put(kind, this.#client, this.#id, flags, none, payload);
  }

  /**
   * Takes a record of the program.
   *
   * @param {import("./border.js").Reader} r
   */
  got(r) {
    switch (r.kind) {
      case event.item:
        if (this.#ended !== undefined) return;
        this.#items.push(r.payload);
        break;
      case event.room:
        this.#given -= r.flags;
        break;
      case event.drained:
        this.#drained = true;
        this.#settle();
    }
    this.#tell();
  }

  /** Ends the server's direction, for the reason why or because the server has sent all. @param {HisockError | undefined} why */
  end(why) {
    if (this.#ended === undefined) this.#ended = why ?? null;
    this.#settle();
    this.#tell();
  }

  /** Fails the page's direction. @param {HisockError} why */
  refuse(why) {
    if (!this.#drained) this.#refused ??= why;
    this.#dropQueue();
    this.#settle();
    this.#tell();
  }

  #dropQueue() {
    this.#queue = [];
    this.#queued = 0;
    this.#behind = undefined;
  }

  /** Ends both directions: the client has ended, and the program has forgotten it. @param {HisockError} why */
  over(why) {
    this.#left = true;
    this.refuse(why);
    this.end(why);
  }

  /** Calls onChange in a microtask: neither the page's code nor the border may run while the program runs. */
  #tell() {
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      this.#pump();
      this.onChange();
    });
  }

  /** Leaves the stream if both directions have ended. */
  #settle() {
    if (!this.#serves && this.#ended !== undefined && (this.#drained || this.#refused)) this.#leave();
  }

  #leave() {
    if (this.#left) return;
    this.#left = true;
    // After the records so far, and not within a call of the program.
    queueMicrotask(() => {
      this.#border.flush();
      this.#readProgress();
      this.#border.put(ask.leave, this.#client, this.#id, 0, none, none);
      this.#gone();
    });
  }

  begin() {
    this.#put(ask.begin);
  }

  take() {
    if (this.#next === this.#items.length) {
      this.#items = [];
      this.#next = 0;
      if (this.#ended !== undefined) return undefined;
      if (!this.#asked) {
        this.#asked = true;
        this.#put(ask.want, none, most);
        this.#border.flush(); // the program delivers the received items before flush returns
      }
      if (this.#items.length === 0) return undefined;
    }
    const item = /** @type {Uint8Array} */ (this.#items[this.#next]);
    this.#items[this.#next++] = none;
    this.#eaten += item.length + itemCost;
    if (this.#eaten >= most / 2 && this.#ended === undefined) {
      this.#put(ask.want, none, this.#eaten);
      this.#eaten = 0;
    }
    return item;
  }

  get ended() {
    return this.#ended;
  }

  /** @param {Uint8Array} payload */
  send(payload) {
    if (this.#refused || this.#finished || (this.#carries && payload.length === 0)) return;
    if (this.#queue.length === 0 && this.#given + payload.length <= ahead) {
      this.#put(ask.item, payload);
      this.#given += payload.length;
      return;
    }
    this.#queue.push(payload.slice()); // here, not in the program, whose memory never shrinks
    this.#queued += payload.length;
    this.#pump();
  }

  /** Gives the program as much of the queue as it has room for. Long items go in pieces. */
  #pump() {
    for (let first = this.#queue[0]; first && this.#given < ahead; first = this.#queue[0]) {
      const piece = first.subarray(0, ahead - this.#given);
      const more = piece.length < first.length;
      this.#put(ask.item, piece, more ? 1 : 0);
      this.#given += piece.length;
      this.#queued -= piece.length;
      if (more) this.#queue[0] = first.subarray(piece.length);
      else this.#queue.shift();
    }
    if (this.#queue.length > 0) return;
    this.#behind?.();
    this.#behind = undefined;
  }

  get hasRoom() {
    return this.#given + this.#queued < ahead;
  }

  get isDrained() {
    return this.#drained || this.#refused !== undefined;
  }

  get refused() {
    return this.#refused;
  }

  finish() {
    if (this.#finished) return;
    this.#finished = true;
    this.#behind = () => this.#put(ask.finish);
    this.#pump();
  }

  /** @param {StreamEnd} end @param {HisockError} why */
  fail(end, why) {
    this.#finished = true;
    this.#drop(why);
    this.#behind = () => this.#say(behind, end);
    this.#pump();
  }

  /** @param {StreamEnd} end @param {HisockError} why */
  stop(end, why) {
    const { ended } = this;
    this.#drop(why);
    if (ended === undefined) this.#say(received, end);
    this.#settle();
  }

  /** @param {StreamEnd} end @param {HisockError} why */
  abort(end, why) {
    this.#drop(why);
    if (!this.#left) {
      this.#say(atOnce, end);
      this.refuse(why);
      this.#settle();
    }
  }

  /** @param {number} how @param {StreamEnd} end */
  #say(how, { code, reason, retryAfter, details }) {
    if (this.#left) return;
    const bytes = details && details.slice();
    this.#border.flush();
    this.#go.endStream(this.#id, how, code, reason, retryAfter, bytes);
  }

  /** Drops the received items, and ends the server's direction. @param {HisockError} why */
  #drop(why) {
    this.#items = [];
    this.#next = 0;
    if (this.#ended === undefined) this.#ended = why;
  }

  leave() {
    this.#leave();
  }

  progress() {
    if (!this.#left) {
      this.#border.flush();
      this.#readProgress();
    }
    return this.#progress;
  }

  #readProgress() {
    const all = this.#go.streamProgress(this.#id);
    if (!all || all instanceof HisockError) return; // the program is gone
    const [taken = 0, sent = 0, delivered = 0] = all;
    this.#progress = { taken, sent, delivered };
  }
}
