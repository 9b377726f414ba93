// One client of the Go program: what there may be many of goes through the border, and everything else is a call.

import { numberOf } from "../errors.js";
import { ask, event, none } from "./border.js";

/** @typedef {import("../native.d.ts").NativeClient} NativeClient */
/** @typedef {import("../native.d.ts").Sink} Sink */
/**
 * @typedef {object} Methods the methods that the program has for the client
 * @property {number} cells the address of the cells of the client
 * @property {(size: number) => import("../errors.js").HisockError | undefined} fits
 */
/** @typedef {Omit<NativeClient, "send" | "sendRaw" | "call" | "answer" | "openStream"> & Methods} ProgramClient */

// The cells of a client: indices of numbers of 4 bytes.
const cellFree = 0;
const cellMaxFrame = 1;

const around = 16; // bytes of a frame besides name and payload, at most
const wanted = 1; // the flag of a record whose error is wanted
const maxNames = 256;

const encoder = new TextEncoder();

/** @implements {NativeClient} */
export class BorderClient {
  #border;
  #id;
  #sink;
  #go;
  /** The names that were sent without an error. @type {Map<string, Uint8Array>} */
  #names = new Map();
  // The room that was promised since records crossed last.
  #promised = 0;
  #since = -1;

  /**
   * @param {import("./border.js").Border} border
   * @param {number} id
   * @param {Sink} sink
   * @param {ProgramClient} go
   */
  constructor(border, id, sink, go) {
    this.#border = border;
    this.#id = id;
    this.#sink = sink;
    this.#go = go;
  }

  /**
   * Takes a record of the program.
   *
   * @param {Sink} sink
   * @param {import("./border.js").Reader} r
   */
  static take(sink, r) {
    switch (r.kind) {
      case event.command:
        return sink.command(r.name, r.payload, r.flags === 1);
      case event.raw:
        return sink.raw(r.payload, r.flags === 1);
      case event.called:
        return sink.called(r.id, r.name, r.payload);
      case event.settled:
        return sink.settled(r.id, undefined, r.payload);
    }
  }

  /** @param {number} i */
  #cell(i) {
    return /** @type {number} */ (this.#border.words[(this.#go.cells >> 2) + i]);
  }

  /**
   * Returns why a frame of that size cannot be sent, or nothing. A frame that is too long is not even copied.
   *
   * @param {number} size
   */
  #tooBig(size) {
    return size <= this.#cell(cellMaxFrame) ? undefined : this.#go.fits(size);
  }

  /**
   * Promises room for a frame. Otherwise the program decides at once.
   *
   * @param {number} size
   */
  #promise(size) {
    if (this.#since !== this.#border.crossed) {
      this.#since = this.#border.crossed;
      this.#promised = 0;
    }
    if (this.#promised + size > this.#cell(cellFree)) return false;
    this.#promised += size;
    return true;
  }

  /** @param {string} command @param {Uint8Array} payload */
  send(command, payload) {
    const known = this.#names.get(command);
    const name = known ?? encoder.encode(command);
    const size = name.length + payload.length + around;
    const err = this.#tooBig(size);
    if (err) return err;
    if (known && this.#promise(size)) {
      this.#border.put(ask.send, this.#id, 0, 0, name, payload);
      return undefined;
    }
    const why = this.#now(ask.send, name, payload);
    if (!why && !known) {
      if (this.#names.size >= maxNames) this.#names.clear();
      this.#names.set(command, name);
    }
    return why;
  }

  /** @param {Uint8Array} payload */
  sendRaw(payload) {
    const size = payload.length + around;
    const err = this.#tooBig(size);
    if (err) return err;
    if (!this.#promise(size)) return this.#now(ask.sendRaw, none, payload);
    this.#border.put(ask.sendRaw, this.#id, 0, 0, none, payload);
    return undefined;
  }

  /**
   * Sends, and returns the error.
   *
   * @param {number} kind
   * @param {Uint8Array} name
   * @param {Uint8Array} payload
   */
  #now(kind, name, payload) {
    this.#border.put(kind, this.#id, 0, wanted, name, payload);
    return this.#border.flush();
  }

  /** @param {number} id @param {string} command @param {Uint8Array} payload */
  call(id, command, payload) {
    const name = this.#names.get(command) ?? encoder.encode(command);
    const err = this.#tooBig(name.length + payload.length + around);
    if (err) this.#sink.settled(id, err, undefined);
    else this.#border.put(ask.call, this.#id, id, 0, name, payload);
  }

  /** @param {number} id @param {Uint8Array} payload */
  answer(id, payload) {
    // Auth is answered without a connection.
    const err = this.#cell(cellMaxFrame) > 0 && this.#tooBig(payload.length + around);
    if (err) this.refuse(id, numberOf("too_big"), err.message, 0, undefined);
    else this.#border.put(ask.answer, this.#id, id, 0, none, payload);
  }

  /** The program, after all records. */
  get #program() {
    this.#border.flush();
    return this.#go;
  }

  begin() {
    this.#program.begin();
  }

  /** @param {number} id */
  drained(id) {
    this.#program.drained(id);
  }

  /** @param {number} id */
  cancel(id) {
    this.#program.cancel(id);
  }

  /**
   * @param {number} id
   * @param {number} code
   * @param {string} message
   * @param {number} retryAfter
   * @param {Uint8Array | undefined} details
   */
  refuse(id, code, message, retryAfter, details) {
    this.#program.refuse(id, code, message, retryAfter, details && own(details));
  }

  /** @param {number} id @param {0 | 1 | 2} how @param {string} name */
  change(id, how, name) {
    this.#program.change(id, how, name);
  }

  name() {
    return this.#program.name();
  }

  groups() {
    return this.#program.groups();
  }

  refusedGroups() {
    return this.#program.refusedGroups();
  }

  retryNow() {
    this.#program.retryNow();
  }

  offline() {
    this.#program.offline();
  }

  sessionBytes() {
    return this.#program.sessionBytes();
  }

  detach() {
    return this.#program.detach();
  }

  close() {
    this.#program.close();
  }
}

/**
 * Returns a copy of bytes that the page cannot give away. It throws if the page has done so: what throws inside a call
 * of the program would end it.
 *
 * @param {Uint8Array} bytes
 */
export const own = (bytes) => bytes.slice();
