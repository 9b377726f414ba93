// The streams of a connection, the order in which they send, and the number of bytes that may be under way. Items wait in
// their stream, not in the queue, so that commands and calls go ahead of them.

import { HisockError } from "../errors.js";
import { fromServer, goodbye } from "./fault.js";
import { Flow } from "./flow.js";
import { sizeOf } from "./numbers.js";
import { readCredit, readItem, readStream } from "./read.js";
import { Stream, window } from "./stream.js";
import { firstCredit, goodbyeBody, itemCost, join, kind, lengthOf, maxCredit, streamBody } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {import("./wire.js").Goodbye} Goodbye */

const most = 128; // streams of the server at a time

export class Streams {
  /** Bytes by which the windows of all streams have grown. */
  grown = 0;

  #conn;
  /** @type {Map<Num, Stream>} */
  #open = new Map();
  /** Streams of which the server could not be told yet, with the number of their wait for room. @type {Map<Stream, number>} */
  #opening = new Map();
  #waiters = 0;
  /** @type {Set<Stream>} streams of the server that have a place */
  #places = new Set();
  /** @type {Num} */
  #last = 0; // id of the last stream that the server has opened
  /** @type {Stream[]} */
  #ready = [];
  #awaitsRoom = false;

  #pumping = false;
  #flow;

  /**
   * @param {import("./conn.js").Conn} conn
   * @param {number} queueBytes
   */
  constructor(conn, queueBytes) {
    this.#conn = conn;
    this.#flow = new Flow(queueBytes >> 1);
  }

  /** The number of streams. */
  get size() {
    return this.#open.size + this.#opening.size;
  }

  /**
   * Opens a stream. The server is told as soon as there is room.
   *
   * @param {Uint8Array} name
   * @param {Uint8Array} arg
   * @param {boolean} silent
   * @param {boolean} carries
   */
  open(name, arg, silent, carries) {
    const conn = this.#conn;
    const body = streamBody(window, silent, name, arg);
    const size = body.length + 16;
    const err = conn.refusal(size, name);
    if (err) return err;
    const s = new Stream(this, carries, false);
    if (silent) s.out = "closed";
    const waiter = --this.#waiters;
    this.#opening.set(s, waiter);
    conn.out.wait(waiter, size, () => {
      this.#opening.delete(s);
      s.id = conn.client.nextStream();
      this.#open.set(s.id, s);
      conn.out.add(lengthOf(s.id, undefined, body), kind.stream, s.id, undefined, body);
      this.ready(s);
    });
    return s;
  }

  /**
   * Handles a frame about a stream.
   *
   * @param {number} k
   * @param {import("./read.js").Cursor} c
   */
  received(k, c) {
    switch (k) {
      case kind.stream:
        this.#accept(readStream(c));
        break;
      case kind.streamItem:
      case kind.streamPart: {
        const { id, payload } = readItem(c, k === kind.streamItem);
        this.#gotItem(id, payload, k === kind.streamItem);
        break;
      }
      case kind.streamCredit: {
        const { id, credit } = readCredit(c);
        this.gotCredit(id, credit);
        break;
      }
      case kind.streamEnd:
        this.#gotEnd(c.number(), c.goodbye());
        break;
    }
  }

  /**
   * Takes a stream that the server opens.
   *
   * @param {ReturnType<typeof import("./read.js").readStream>} o
   */
  #accept({ id, credit, silent, name, payload }) {
    const conn = this.#conn;
    if (BigInt(id) % 2n !== 0n || id <= this.#last) throw new HisockError("protocol", "a stream with an id that is not a server's, or was used before");
    this.#last = id;
    if (this.#places.size >= most) {
      this.#refuse(id, goodbye("too_many_calls", "too many streams are open"));
      return;
    }
    const text = conn.client.names.get(name, 0, name.length);
    if (text === undefined) {
      this.#refuse(id, goodbye("bad_name", "the name of a stream cannot be"));
      return;
    }
    const s = new Stream(this, false, true);
    s.id = id;
    s.credit = firstCredit;
    s.may = credit;
    s.inDone = silent;
    this.#open.set(id, s);
    this.#places.add(s);
    conn.sink.streamed(s, text, payload.slice());
  }

  /** @param {Num} id @param {Uint8Array} payload @param {boolean} last */
  #gotItem(id, payload, last) {
    this.#flow.got += payload.length + itemCost;
    if (this.#open.get(id)?.gotItem(payload, last) === false) {
      throw new HisockError("protocol", "a stream item without credit, or after the end");
    }
  }

  /** @param {Num} id @param {number} n */
  gotCredit(id, n) {
    const s = this.#open.get(id);
    if (!s) return;
    if (n > maxCredit - s.may) throw new HisockError("protocol", "more stream credit than there may be");
    s.gotCredit(n);
  }

  /** @param {Num} id @param {Goodbye} bye */
  #gotEnd(id, bye) {
    const s = this.#open.get(id);
    if (!s) return;
    if (bye.code !== 0) s.end(fromServer(bye));
    else if (!s.gotEnd()) throw new HisockError("protocol", "a second end of a stream, or one in an item");
  }

  // Called by streams.

  /** @param {Num} id @param {Goodbye} bye */
  #refuse(id, bye) {
    this.#conn.sendOwn(kind.streamEnd, id, goodbyeBody(bye, this.#conn.maxFrame));
  }

  /** @param {Stream} s @param {Goodbye} bye */
  sayEnd(s, bye) {
    if (s.id) this.#refuse(s.id, bye);
  }

  /** @param {Stream} s @param {number} n */
  sayCredit(s, n) {
    this.#conn.sendOwn(kind.streamCredit, s.id, join([n]));
  }

  /** Notes that a stream is over. @param {Stream} s */
  gone(s) {
    const waiter = this.#opening.get(s);
    if (waiter !== undefined) this.#conn.out.giveUp(waiter);
    this.#opening.delete(s);
    this.#open.delete(s.id);
    if (s.isLeft) this.#places.delete(s);
  }

  /** Ends all streams. @param {HisockError} why */
  end(why) {
    for (const s of [...this.#open.values(), ...this.#opening.keys()]) s.end(why);
    this.#ready = [];
    this.#places.clear();
  }

  /** Ends all streams of a session that goes on elsewhere. */
  park() {
    for (const id of this.#open.keys()) this.#refuse(id, goodbye("conn_lost", "the client was detached"));
  }

  // Sending.

  /** Notes that a stream may have something to send. @param {Stream} s */
  ready(s) {
    if (s.isLeft && s.isDrained) this.#places.delete(s);
    if (s.isReady || s.isDrained || !s.id) return;
    s.isReady = true;
    this.#ready.push(s);
    this.pump();
  }

  /** Queues frames: one of each stream in turn, as long as there is room and little is under way. */
  pump() {
    if (this.#pumping) return; // its own write has called it: it goes on
    this.#pumping = true;
    try {
      this.#flow.look(performance.now());
      const blocked = this.#queue();
      if (this.#flow.wants(blocked)) this.#probe(blocked);
    } finally {
      this.#pumping = false;
    }
  }

  /** Does the work of pump. It returns whether it stopped because much is under way. */
  #queue() {
    const conn = this.#conn;
    const flow = this.#flow;
    for (let s = this.#ready[0]; s && !conn.ended; s = this.#ready[0]) {
      const n = s.next(conn.maxFrame, flow.piece);
      if (n < 0) {
        this.#ready.shift();
        s.isReady = false;
        this.#close(s);
        continue;
      }
      const length = 1 + sizeOf(s.id) + n;
      const size = length + sizeOf(length);
      if (!flow.admits(size)) return true;
      if (!conn.out.log.admits(size)) {
        this.#awaitRoom(size);
        if (this.#awaitsRoom) return false;
      }
      if (flow.measures) this.#probe(false);
      this.#ready.shift();
      const { piece, last, units } = s.pull(n);
      flow.send(s, size, units);
      conn.out.add(length, last ? kind.streamItem : kind.streamPart, s.id, undefined, piece);
      this.#ready.push(s);
      if (flow.wants(false)) this.#probe(false);
      if (s.hasRoom) s.onChange();
    }
    return false;
  }

  /** @param {Stream} s */
  #close(s) {
    for (const bye of s.takeEnds()) {
      this.#refuse(s.id, bye);
      if (bye.code !== 0) s.end(new HisockError("closed", "the stream was closed here"));
    }
    s.settle();
    if (s.out === "closed") s.onChange();
    if (s.isLeft && s.isDrained) this.#places.delete(s);
  }

  /** @param {number} size */
  #awaitRoom(size) {
    if (this.#awaitsRoom) return;
    this.#awaitsRoom = true;
    this.#conn.out.wait(0, size, () => {
      this.#awaitsRoom = false;
      this.pump();
    });
  }

  /** @param {boolean} blocked */
  #probe(blocked) {
    this.#conn.out.probe(this.#flow.probe(performance.now(), blocked));
  }

  /** Notes the answer to a probe. @param {bigint} nonce */
  answered(nonce) {
    this.#flow.answered(nonce, performance.now());
    this.pump();
  }

  /** Handles the answer to another ping, which may have come in place of one to a probe. */
  superseded() {
    this.#flow.superseded();
    this.pump();
  }

  /** Goes on over another link: probes are lost, and frames that were under way are written again. */
  relinked() {
    this.#flow.relink();
    this.pump();
  }
}
