// One client of the Go program: what there may be many of goes through the border, and everything else is a call.

import { HisockError, numberOf } from "../errors.js";
import { ask, event, none } from "./border.js";
import { BorderStream } from "./stream.js";

/** @typedef {import("../native.d.ts").NativeClient} NativeClient */
/** @typedef {import("../native.d.ts").Sink} Sink */
/**
 * @typedef {object} Methods the methods that the program has for the client
 * @property {number} cells the address of the cells of the client
 * @property {(size: number) => HisockError | undefined} fits
 * @property {(id: number, how: number, code: number, message: string, retryAfter: number, details: Uint8Array | undefined) => void} endStream
 * @property {(id: number) => number[]} streamProgress
 */
/** @typedef {Omit<NativeClient, "send" | "sendRaw" | "call" | "answer" | "openStream"> & Methods} ProgramClient */

// The cells of a client: indices of numbers of 4 bytes.
const cellFree = 0;
const cellMaxFrame = 1;

const around = 16; // bytes of a frame besides name and payload, at most
const wanted = 1; // the flag of a record whose error is wanted
const maxNames = 256;

// Flags of a stream that is opened.
const flagSilent = 1;
const flagCarries = 2;

const encoder = new TextEncoder();

/** @implements {NativeClient} */
export class BorderClient {
  #border;
  #id;
  #sink;
  #go;
  /** The names that were sent without an error. @type {Map<string, Uint8Array>} */
  #names = new Map();
  /** @type {Map<number, BorderStream>} */
  #streams = new Map();
  #lastStream = 0;
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
    border.clients.set(id, (r) => this.#take(r));
  }

  /** @param {import("./border.js").Reader} r */
  #take(r) {
    switch (r.kind) {
      case event.command:
        return this.#sink.command(r.name, r.payload, r.flags === 1);
      case event.raw:
        return this.#sink.raw(r.payload, r.flags === 1);
      case event.called:
        return this.#sink.called(r.id, r.name, r.payload);
      case event.settled:
        return this.#sink.settled(r.id, undefined, r.payload);
      case event.streamed:
        return this.#sink.streamed(this.#newStream(r.id, { serves: true }), r.name, r.payload);
      default:
        return this.#streams.get(r.id)?.got(r);
    }
  }

  // Streams.

  /** @param {number} id @param {{ silent?: boolean, carries?: boolean, serves?: boolean }} kind */
  #newStream(id, kind) {
    const s = new BorderStream(this.#border, this.#id, id, this.#go, kind, () => this.#streams.delete(id));
    this.#streams.set(id, s);
    return s;
  }

  /** @param {string} name @param {Uint8Array} arg @param {boolean} silent @param {boolean} carries */
  openStream(name, arg, silent, carries) {
    const bytes = encoder.encode(name);
    const err = this.#tooBig(bytes.length + arg.length + around);
    if (err) return err;
    const id = ++this.#lastStream * 2;
    const flags = (silent ? flagSilent : 0) | (carries ? flagCarries : 0);
    this.#border.put(ask.open, this.#id, id, flags, bytes, arg);
    const s = this.#newStream(id, { silent, carries });
    this.#border.flush();
    return s.ended ?? s;
  }

  /** The program says that nothing more comes. @param {number} id @param {HisockError | undefined} why */
  streamEnded(id, why) {
    this.#streams.get(id)?.end(why);
  }

  /** The program says that not all can be sent. @param {number} id @param {HisockError} why */
  streamRefused(id, why) {
    this.#streams.get(id)?.refuse(why);
  }

  /** The client has ended. @param {HisockError | undefined} why */
  over(why) {
    this.#border.clients.delete(this.#id);
    for (const s of this.#streams.values()) s.over(why ?? new HisockError("closed", "the connection was closed"));
    this.#streams.clear();
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

  waiting() {
    return this.#program.waiting();
  }

  rtt() {
    return this.#program.rtt();
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

  /** @param {boolean} bye */
  detach(bye) {
    return this.#program.detach(bye);
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
