// One connection, from the welcome that the client joined with to its end, over one link after the other: what is sent
// and acknowledged, the calls in both directions, and how it loses its link, goes on and ends.

import { HisockError, numberOf } from "../errors.js";
import { typed, words } from "./fault.js";
import { callbacks, maxGroupsOf } from "./link.js";
import { Log } from "./log.js";
import { sizeOf } from "./numbers.js";
import { receive, unpark } from "./receive.js";
import { defaultMaxFrame, frame, goodbyeBody, join, kind, lengthOf, none } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {import("./link.js").Link} Link */
/** @typedef {{ id: number, size: number, start: () => void }} Waiter a call, an answer or the page that waits for room */
/** @typedef {{ k: number, done: (err: HisockError | undefined, reply: Uint8Array | undefined) => void }} Asked */

// When the server is told how much of what it sent has come: after so many frames, with what is written to it anyway;
// after so many bytes too, or as many as it asks for, even if nothing is.
const ackFrames = 128;
const ackBytes = 64 << 10;
const maxAckAt = 256 << 10;

// How often a connection is looked at, in milliseconds, and how long its end may take.
const maxPeriod = 5000;
const closeTime = 2000;

const maxPeerFrame = 1 << 30;
const maxServed = 4096; // calls of the server that are not answered

// The nonce of a ping whose answer comes behind an ack.
const askNonce = 1n << 63n;

/** How often the server of a queue of that size must acknowledge. @param {number} queueBytes */
export const ackAt = (queueBytes) => Math.min(Math.floor(queueBytes / 4), maxAckAt);

/** @param {Num} v @param {number} least @param {number} most */
const within = (v, least, most) => Number(v < least ? least : v > most ? most : v);

export class Conn {
  client;
  sink;
  log;
  name;
  address;
  /** @type {Set<string>} */
  groups = new Set();
  maxGroups;
  refused;
  wish;
  id;
  token;
  resumable; // for how long the session is kept without a link, in milliseconds, or 0
  heartbeat;
  maxFrame;
  maxCommand;
  queueBytes;

  /** @type {Link | undefined} nothing while there is none */
  link;
  died = 0; // when the last link was lost
  lived = 0; // how long it had been there

  /** @type {HisockError | undefined} why it has ended, or is ending */
  ended;
  /** Aborts when the connection begins to end. */
  gone = new AbortController();

  /** Is called when the link is lost and the connection may go on. @type {(why: HisockError) => void} */
  onLost = () => {};
  /** Is called when all is over. @type {() => void} */
  onOver = () => {};

  received = 0; // counted frames
  /** @type {Num} frames that the server has dropped */
  missed = 0;
  #ackEvery;
  #ackedAt = 0; // received, when an ack was due last
  #unacked = 0; // bytes since
  #toldAck = 0; // received, as the last ack that was written says
  #lookedAt = 0; // received, at the last look

  // Control frames that go with what is written next.
  #ackDue = false;
  #pingDue = false;
  #askDue = false;
  /** @type {Num | undefined} */
  #pong;

  #asking = false; // the server was asked for an ack
  #askedAt = 0; // what was acknowledged then
  #scheduled = false;

  /** Whether it has lost its link before it ended. */
  wasSuspended = false;
  /** Whether its session goes on elsewhere. */
  isAbandoned = false;
  /** Whether all is over. */
  isOver = false;
  /** Frames of the page before that nobody has handled yet. */
  inbox = none;
  #drains = false; // what waited was written before the goodbye
  /** What was not delivered, if that is known. @type {(boolean | string | Uint8Array)[]} */
  #left = [];

  /** @type {ReturnType<typeof setInterval> | undefined} */
  #sweeper;
  #heardAt = 0;
  #lookAt = 0;
  #pingedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #closing;

  /** What the server was asked for, by the ids on the wire. @type {Map<Num, Asked>} */
  asked = new Map();
  /** Who waits for room. @type {Waiter[]} */
  #waiters = [];
  /** The calls of the server that are being handled: the page's ids by those on the wire. @type {Map<Num, number>} */
  serving = new Map();

  /**
   * @param {import("./client.js").EngineClient} client
   * @param {import("../native.d.ts").Config} config
   * @param {import("./read.js").Welcome} w
   * @param {import("./wish.js").Wish} wish
   */
  constructor(client, config, w, wish) {
    this.client = client;
    this.sink = client.sink;
    this.queueBytes = config.queueBytes || 1 << 20;
    this.log = new Log(this.queueBytes);
    this.log.keeps = w.token.length > 0 && !config.stay;
    this.name = w.name;
    this.address = w.addr;
    this.maxGroups = maxGroupsOf(w.maxGroups);
    this.refused = w.refused;
    this.wish = wish;
    this.id = w.session;
    this.token = config.stay ? none : w.token;
    this.resumable = w.resumeTime;
    this.heartbeat = w.heartbeat;
    this.maxFrame = w.maxFrame ? within(w.maxFrame, 512, maxPeerFrame) : defaultMaxFrame;
    this.maxCommand = w.maxCommand ? within(w.maxCommand, 1, maxPeerFrame) : 256;
    this.#ackEvery = w.ackBytes ? within(w.ackBytes, 512, maxAckAt) : maxAckAt;
  }

  /** How many functions its link has of this side. */
  get callbacks() {
    return this.link?.isOpen ? callbacks : 0;
  }

  // The link.

  /**
   * Begins to use a link, which nobody reads before read is called.
   *
   * @param {Link} link
   */
  attach(link) {
    this.link = link;
    this.#ackedAt = this.#toldAck = this.#lookedAt = this.received;
    this.#unacked = this.#pingedAt = 0;
    this.#heardAt = this.#lookAt = Date.now();
    link.onEnd = (why) => this.#linkEnded(why);
    const period = this.heartbeat ? Math.min(Math.max(this.heartbeat / 4, 1), maxPeriod) : maxPeriod;
    this.#sweeper = setInterval(() => this.#look(period), period);
    if (this.log.waiting > 0) this.schedule();
  }

  /** Reads what has come, and what comes from now on. */
  read() {
    const { link } = this;
    unpark(this);
    if (!link) return;
    link.onData = () => this.#read(link);
    this.#read(link);
  }

  /** @param {Link} link */
  #read(link) {
    this.#heardAt = Date.now();
    const before = link.splitter.size;
    try {
      receive(this, link.splitter);
    } catch (err) {
      this.fail(typed(err));
    }
    this.#noteRead(before - link.splitter.size);
  }

  /** @param {HisockError | undefined} why */
  #linkEnded(why) {
    if (this.ended) {
      this.#finish(why === undefined);
      return;
    }
    this.lose(why ?? new HisockError("conn_lost", "the server has closed the connection without a goodbye"));
  }

  /**
   * Gives up a link that has broken off, and lets the connection wait to go on, if it can.
   *
   * @param {HisockError} why
   */
  lose(why) {
    if (this.token.length === 0) {
      this.end(why, {});
      return;
    }
    this.#detach();
    this.onLost(why);
  }

  /** Leaves the link, and returns it. */
  #detach() {
    const { link } = this;
    clearInterval(this.#sweeper);
    if (!link) return;
    link.onData = link.onEnd = () => {};
    link.cut();
    this.died = Date.now();
    this.lived = this.died - link.born;
    this.link = undefined;
    this.#ackDue = this.#pingDue = this.#askDue = this.#asking = false;
    this.#pong = undefined;
  }

  /**
   * Goes on over another link with a server that has so many frames. It returns false if it cannot.
   *
   * @param {Link} link
   * @param {Num} received
   */
  resume(link, received) {
    if (!this.log.resume(received)) return false;
    this.attach(link);
    this.wake();
    return true;
  }

  // Writing. What is sent in one task goes into one write.

  schedule() {
    if (this.#scheduled || !this.link) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush() {
    const { link, log } = this;
    if (!link || this.ended) return;
    /** @type {Uint8Array[]} */
    const control = [];
    if (this.#ackDue && this.received > this.#toldAck) {
      control.push(frame(kind.ack, this.received));
      this.#toldAck = this.received;
    }
    if (this.#askDue) control.push(frame(kind.ping, askNonce));
    else if (this.#pingDue) control.push(frame(kind.ping, 0));
    if (this.#pong !== undefined) control.push(frame(kind.pong, this.#pong));
    this.#ackDue = this.#askDue = this.#pingDue = false;
    this.#pong = undefined;
    if (log.waiting === 0 && control.length === 0) return;
    log.flush(control.length > 0 ? join(control) : none, (part) => link.write(part));
    if (this.#waiters.length > 0) this.wake();
  }

  /**
   * Queues a frame that is counted. There must be room for it.
   *
   * @param {number} length
   * @param {number} k
   * @param {Num | undefined} id
   * @param {Uint8Array | undefined} name
   * @param {Uint8Array} rest
   */
  #add(length, k, id, name, rest) {
    this.log.add(length, k, id, name, rest);
    if (!this.#scheduled) this.schedule();
  }

  /**
   * Queues a small frame that is the engine's own, though there may be no room.
   *
   * @param {number} k
   * @param {Num} id
   * @param {Uint8Array} [rest]
   */
  sendOwn(k, id, rest = none) {
    if (this.ended) return;
    this.#add(lengthOf(id, undefined, rest), k, id, undefined, rest);
    if (this.log.isOver) this.fail(new HisockError("slow_consumer", this.log.noRoom(0)));
  }

  /**
   * Queues a command or a raw message, or returns why not.
   *
   * @param {Uint8Array | undefined} name nothing for a raw message
   * @param {Uint8Array} payload
   */
  send(name, payload) {
    if (this.ended) return this.ended;
    const long = name && this.tooLong(name);
    if (long) return long;
    const length = lengthOf(undefined, name, payload);
    if (length > this.maxFrame) return this.tooBig(length);
    const size = sizeOf(length) + length;
    if (!this.log.admits(size)) {
      this.#ask();
      return new HisockError("queue_full", this.log.noRoom(size));
    }
    this.#add(length, name ? kind.command : kind.raw, undefined, name, payload);
    return undefined;
  }

  /** @param {Uint8Array} name of a command */
  tooLong({ length }) {
    if (length <= this.maxCommand) return undefined;
    return new HisockError("bad_name", `name of a command: ${length} B exceeds limit ${this.maxCommand} B`);
  }

  /** @param {number} length */
  tooBig(length) {
    return new HisockError("too_big", `frame ${length} B exceeds the peer's limit ${this.maxFrame} B`);
  }

  /**
   * Runs start as soon as there is room for a frame of that size.
   *
   * @param {number} id
   * @param {number} size
   * @param {() => void} start
   */
  #wait(id, size, start) {
    this.#waiters.push({ id, size, start });
    this.wake();
  }

  /** Lets those go on for whom there is room. */
  wake() {
    const waiters = this.#waiters;
    if (waiters.length === 0 || this.ended) return;
    this.#waiters = [];
    for (const w of waiters) {
      if (this.log.admits(w.size)) w.start();
      else this.#waiters.push(w);
    }
    if (this.#waiters.length > 0) this.#ask();
  }

  /** Asks for an ack, which somebody waits for. */
  #ask() {
    if (this.#asking || !this.link || this.log.kept === 0) return;
    this.#asking = this.#askDue = true;
    this.#askedAt = this.log.acked;
    this.schedule();
  }

  // Calls to the server, and changes that it is asked for.

  /**
   * Asks for something, as soon as there is room, and tells done the answer.
   *
   * @param {number} id
   * @param {number} k
   * @param {string} name
   * @param {Uint8Array} rest
   * @param {Asked["done"]} done
   */
  ask(id, k, name, rest, done) {
    const bytes = name === "" && k === kind.askRename ? none : this.client.names.bytes(name);
    const err = this.ended ?? (bytes instanceof Error ? bytes : k === kind.request ? this.tooLong(bytes) : undefined);
    if (err || bytes instanceof Error) {
      done(err, undefined);
      return;
    }
    const length = lengthOf(id, bytes, rest);
    if (length > this.maxFrame) {
      done(this.tooBig(length), undefined);
      return;
    }
    this.asked.set(id, { k, done });
    if (this.#waiters.length === 0 && this.log.admits(sizeOf(length) + length)) {
      this.#add(length, k, id, bytes, rest);
      return;
    }
    const own = rest.slice(); // it is the page's memory
    this.#wait(id, sizeOf(length) + length, () => this.#add(length, k, id, bytes, own));
  }

  /**
   * Tells done as soon as there is room for a frame of that size.
   *
   * @param {number} id
   * @param {number} size
   * @param {Asked["done"]} done
   */
  awaitRoom(id, size, done) {
    this.asked.set(id, { k: 0, done });
    this.#wait(id, size, () => {
      this.asked.delete(id);
      done(undefined, none);
    });
  }

  /**
   * Gives something up that was asked for, or waits for room.
   *
   * @param {number} id
   */
  cancel(id) {
    const waits = this.#waiters.findIndex((w) => w.id === id);
    if (waits >= 0) this.#waiters.splice(waits, 1);
    if (this.asked.delete(id) && waits < 0) this.sendOwn(kind.cancel, id);
  }

  // Calls of the server.

  /**
   * Notes a call, or refuses it.
   *
   * @param {Num} id
   * @returns {number} the page's id, or 0
   */
  serve(id) {
    if (this.serving.has(id)) throw new HisockError("protocol", "a call with the id of one that is not answered yet");
    if (this.serving.size + this.#waiters.length >= maxServed) {
      this.refuse(id, { code: numberOf("too_many_calls"), reason: "too many calls are not answered yet", retryAfter: 0, details: undefined });
      return 0;
    }
    const page = this.client.nextServed(this, id);
    this.serving.set(id, page);
    return page;
  }

  /**
   * @param {Num} id
   * @param {Uint8Array} payload
   */
  answer(id, payload) {
    this.serving.delete(id);
    if (this.ended) return;
    const length = lengthOf(id, undefined, payload);
    if (length > this.maxFrame) {
      const err = this.tooBig(length);
      this.refuse(id, { code: numberOf(err.code), reason: err.message, retryAfter: 0, details: undefined });
      this.warn("a handler of a call failed", err);
      return;
    }
    if (this.#waiters.length === 0 && this.log.admits(sizeOf(length) + length)) {
      this.#add(length, kind.reply, id, undefined, payload);
      return;
    }
    const own = payload.slice();
    this.#wait(0, sizeOf(length) + length, () => this.#add(length, kind.reply, id, undefined, own));
  }

  /**
   * @param {Num} id
   * @param {import("./wire.js").Goodbye} why
   */
  refuse(id, why) {
    this.serving.delete(id);
    if (this.ended) return;
    const body = goodbyeBody(why, this.maxFrame);
    if (!why.details) {
      this.sendOwn(kind.failure, id, body);
      return;
    }
    if (body.length < why.details.length) {
      const size = why.details.length;
      this.warn("the details of an error are not sent", new HisockError("too_big", `${size} B exceed the peer's limit ${this.maxFrame} B`));
    }
    const length = lengthOf(id, undefined, body);
    this.#wait(0, sizeOf(length) + length, () => this.#add(length, kind.failure, id, undefined, body));
  }

  // Acks and heartbeats.

  /**
   * Notes that so many bytes of frames have been handled, and lets an ack be written if one is due.
   *
   * @param {number} size
   */
  #noteRead(size) {
    if (this.token.length === 0 || this.ended) return;
    this.#unacked += size;
    const frames = this.received - this.#ackedAt;
    if (frames < ackFrames && this.#unacked < this.#ackEvery) return;
    const now = this.#unacked >= this.#ackEvery || (this.#unacked >= ackBytes && frames >= ackFrames);
    if (!now && this.#toldAck > this.#ackedAt) {
      this.#ackedAt = this.#toldAck; // one was written since, with something else
      this.#unacked = 0;
      return;
    }
    this.#ackDue = true;
    if (now) this.#ackNow();
  }

  #ackNow() {
    this.#ackedAt = this.received;
    this.#unacked = 0;
    this.#ackDue = true;
    this.schedule();
  }

  /** @param {Num} nonce */
  gotPing(nonce) {
    if (this.token.length > 0 && this.#ackedAt !== this.received) this.#ackNow();
    this.#pong = nonce;
    this.schedule();
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
    if (this.#waiters.length > 0) this.wake();
  }

  /**
   * Looks whether the server has fallen silent, and acknowledges what came last if nothing more has come.
   *
   * @param {number} period
   */
  #look(period) {
    if (!this.link || this.ended) return;
    const now = Date.now();
    if (now - this.#lookAt > 3 * period) {
      // The page was frozen, or its timers were: what the server has sent may not have been delivered yet.
      this.#heardAt = Math.max(this.#heardAt, now - this.heartbeat);
      this.#pingedAt = 0;
    }
    this.#lookAt = now;
    if (this.token.length > 0 && this.received > this.#toldAck && this.received === this.#lookedAt) this.#ackNow();
    this.#lookedAt = this.received;
    if (!this.heartbeat) return;
    if (now - this.#heardAt < this.heartbeat) {
      this.#pingedAt = 0;
    } else if (this.#pingedAt === 0) {
      this.#pingedAt = now;
      this.#pingDue = true;
      this.schedule();
    } else if (now - this.#pingedAt >= this.heartbeat) {
      const why = new HisockError("heartbeat", `nothing heard for ${((now - this.#heardAt) / 1000).toFixed(1)} s`);
      if (this.token.length > 0) this.lose(why);
      else this.fail(why);
    }
  }

  // The end.

  /**
   * Ends the connection for a reason of this side: what waits is dropped, and the server is told.
   *
   * @param {HisockError} why
   */
  fail(why) {
    if (this.ended) return;
    this.warn(words(why), why);
    this.end(why, { goodbye: { code: numberOf(why.code), reason: why.message, retryAfter: 0, details: undefined } });
  }

  /** Ends the connection in order: what waits is sent first. */
  close() {
    const why = new HisockError("closed", "the connection is closed");
    this.end(why, { drain: true, goodbye: { code: numberOf("closed"), reason: "", retryAfter: 0, details: undefined } });
  }

  /**
   * Ends the connection, unless it has ended.
   *
   * @param {HisockError} why
   * @param {{ drain?: boolean, goodbye?: import("./wire.js").Goodbye }} how
   */
  end(why, { drain = false, goodbye }) {
    if (this.ended) return;
    const { link, log } = this;
    if (link?.isOpen && drain) this.#flush();
    this.ended = why;
    this.wasSuspended = !link;
    this.#drains = drain;
    if (!drain) this.#left = log.undelivered();
    this.gone.abort(why);
    this.#waiters = [];
    for (const { done } of this.asked.values()) done(why, undefined);
    this.asked.clear();
    this.serving.clear();
    clearInterval(this.#sweeper);
    if (!link?.isOpen || (why.code === "conn_lost" && !why.remote)) {
      this.#finish(false);
      return;
    }
    if (goodbye) {
      if (this.token.length > 0 && this.received > this.#toldAck) link.write(frame(kind.ack, this.received));
      link.write(frame(kind.goodbye, undefined, undefined, goodbyeBody(goodbye, this.maxFrame)));
    }
    link.close();
    this.#closing = setTimeout(() => this.#finish(false), closeTime);
  }

  /**
   * Notes that all is over.
   *
   * @param {boolean} inOrder whether the server has closed the link after it had read all that was written
   */
  #finish(inOrder) {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.#closing);
    this.#detach();
    let left = this.#left;
    if (this.#drains && !inOrder) {
      left = this.log.undelivered();
      if (left.length > 0) this.warn("a connection was closed before all that was sent had arrived", undefined, "messages", left.length / 4);
    }
    if (left.length > 0) this.sink.undelivered(left);
    this.onOver();
  }

  /** Ends the connection without a word, for a session that goes on elsewhere. */
  abandon() {
    this.ended = new HisockError("closed", "the client was detached");
    this.isAbandoned = true;
    this.isOver = true;
    this.gone.abort(this.ended);
    this.#detach();
  }

  /**
   * Warns of something that nobody else is told.
   *
   * @param {string} what
   * @param {HisockError | undefined} err
   * @param {(string | number)[]} args
   */
  warn(what, err, ...args) {
    if (err) args.push("code", words(err), "err", err.message);
    this.sink.warn(`hisock: ${what}`, ...args);
  }
}
