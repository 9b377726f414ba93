// One connection, from the welcome of its join to its end, over one link after the other: the client's name and groups, the
// calls in both directions, and how the connection loses its link, goes on and ends.

import { HisockError, wordsOf } from "../errors.js";
import { Acks } from "./acks.js";
import { handleInbox } from "./detach.js";
import { goodbye, typed } from "./fault.js";
import { callbacks, maxGroupsOf } from "./link.js";
import { sizeOf } from "./numbers.js";
import { Outgoing } from "./outgoing.js";
import { Pulse } from "./pulse.js";
import { receive } from "./receive.js";
import { Served } from "./served.js";
import { Streams } from "./streams.js";
import { defaultMaxFrame, frame, goodbyeBody, kind, lengthOf, none } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./wire.js").Goodbye} Goodbye */
/** @typedef {{ k: number, done: (err: HisockError | undefined, reply: Uint8Array | undefined) => void }} Asked */

const closeTime = 2000; // milliseconds for the end of a connection

const maxPeerFrame = 1 << 30;

/** @param {Num} v @param {number} least */
const within = (v, least) => Number(v < least ? least : v > maxPeerFrame ? maxPeerFrame : v);

export class Conn {
  client;
  sink;
  out;
  acks;
  pulse;
  served;
  streams;
  name;
  groups;
  maxGroups;
  refused;
  wish;
  /** The id names the session, and the token proves it. The token is empty if the session cannot be resumed. */
  id;
  token;
  resumable; // milliseconds for which the server keeps the session without a link, or 0
  heartbeat;
  maxFrame;
  maxCommand;
  /** The number of frames that the server has dropped. @type {Num} */
  missed = 0;
  /** Frames that the previous page received and did not handle. */
  inbox = none;

  /** @type {Link | undefined} */
  link;
  died = 0; // when the last link was lost, in milliseconds of Date.now()
  lived = 0; // how long the last link had existed, in milliseconds
  wasSuspended = false; // the connection had no link when it ended

  /** @type {HisockError | undefined} why the connection has ended, or is ending */
  ended;
  isOver = false;
  isAbandoned = false; // the session goes on in another page
  /** Aborts when the connection begins to end. */
  gone = new AbortController();
  /** Is called when the link is lost and the connection may go on. @type {(why: HisockError) => void} */
  onLost = () => {};
  /** Is called once the connection is over. */
  onOver = () => {};

  /** The requests that wait for an answer, by their ids on the wire. A request of kind 0 waits for room only. @type {Map<Num, Asked>} */
  asked = new Map();

  #drains = false; // the end writes all waiting frames before the goodbye
  /** The messages that were not delivered, as far as the engine knows. @type {(boolean | string | Uint8Array)[]} */
  #left = [];

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer; // bounds the end

  /**
   * @param {import("./client.js").EngineClient} client
   * @param {import("../native.d.ts").Config} config
   * @param {import("./read.js").Welcome} w
   * @param {import("./wish.js").Wish} wish
   */
  constructor(client, config, w, wish) {
    this.client = client;
    this.sink = client.sink;
    this.id = w.session;
    this.token = config.stay ? none : w.token;
    this.out = new Outgoing(client.queueBytes, this.token.length > 0);
    this.acks = new Acks(w.ackBytes);
    this.streams = new Streams(this, client.queueBytes);
    this.pulse = new Pulse(this);
    this.served = new Served(this);
    this.name = w.name;
    this.groups = new Set(w.groups);
    this.maxGroups = maxGroupsOf(w.maxGroups);
    this.refused = w.refused;
    this.wish = wish;
    this.resumable = w.resumeTime;
    this.heartbeat = w.heartbeat;
    this.maxFrame = w.maxFrame ? within(w.maxFrame, 512) : defaultMaxFrame;
    this.maxCommand = w.maxCommand ? within(w.maxCommand, 1) : 256;
  }

  get isResumable() {
    return this.token.length > 0;
  }

  /** The number of the engine's callbacks that the link's socket has. */
  get callbacks() {
    return this.link?.isOpen ? callbacks : 0;
  }

  // The link.

  /**
   * Begins to use a link. Nothing is read from it before read is called.
   *
   * @param {Link} link
   */
  attach(link) {
    this.link = link;
    this.acks.told();
    this.out.attach(link, this.acks.received);
    this.streams.relinked();
    link.onEnd = (why) => this.#linkEnded(why);
    this.pulse.begin();
  }

  /** Reads the frames that have arrived, and begins to read each frame as it arrives. */
  read() {
    const { link } = this;
    handleInbox(this);
    if (!link) return;
    link.onData = () => this.#read(link);
    this.#read(link);
  }

  /** @param {Link} link */
  #read(link) {
    this.pulse.heard();
    const before = link.splitter.size;
    try {
      receive(this, link.splitter);
    } catch (err) {
      this.fail(typed(err));
    }
    if (this.isResumable && !this.ended) this.acks.handled(before - link.splitter.size, this.out);
  }

  /** @param {HisockError | undefined} why */
  #linkEnded(why) {
    if (this.ended) this.#finish(why === undefined);
    else this.lose(why ?? new HisockError("conn_lost", "the server has closed the connection without a goodbye"));
  }

  /**
   * Gives up a link that has broken off. A connection that can be resumed then waits for another link, and any other one ends.
   *
   * @param {HisockError} why
   */
  lose(why) {
    if (!this.isResumable) {
      this.end(why, {});
      return;
    }
    this.#detach();
    this.onLost(why);
  }

  #detach() {
    const { link } = this;
    clearTimeout(this.#timer);
    this.pulse.stop();
    this.out.detach();
    if (!link) return;
    link.onData = link.onEnd = () => {};
    link.cut();
    this.died = Date.now();
    this.lived = this.died - link.born;
    this.link = undefined;
  }

  /**
   * Goes on over another link. It returns false if the log cannot go on after the server's count.
   *
   * @param {Link} link
   * @param {Num} received the number of this side's frames that the server has received
   */
  resume(link, received) {
    const can = this.out.log.resume(received);
    if (can) this.attach(link);
    return can;
  }

  /** @param {Num} nonce */
  gotPing(nonce) {
    if (this.isResumable) this.acks.asked(this.out);
    this.out.pong(nonce);
  }

  // Commands and raw messages.

  /**
   * Queues a command or a raw message, or returns the error.
   *
   * @param {Uint8Array | undefined} name undefined for a raw message
   * @param {Uint8Array} payload
   */
  send(name, payload) {
    const length = lengthOf(undefined, name, payload);
    const err = this.refusal(length, name);
    if (err) return err;
    const size = sizeOf(length) + length;
    if (!this.out.admits(size)) {
      this.out.ask();
      return new HisockError("queue_full", this.out.noRoom(size));
    }
    this.out.add(length, name ? kind.command : kind.raw, undefined, name, payload);
    return undefined;
  }

  /**
   * Returns why a frame of that length cannot be sent, or undefined if it can.
   *
   * @param {number} length
   * @param {Uint8Array} [command]
   */
  refusal(length, command) {
    if (this.ended) return this.ended;
    if (command && command.length > this.maxCommand) {
      return new HisockError("bad_name", `name of a command: ${command.length} B exceeds limit ${this.maxCommand} B`);
    }
    if (length <= this.maxFrame) return undefined;
    return new HisockError("too_big", `frame ${length} B exceeds the peer's limit ${this.maxFrame} B`);
  }

  /**
   * Queues a small frame of the engine's own, even if there is no room.
   *
   * @param {number} k
   * @param {Num} id
   * @param {Uint8Array} [rest]
   */
  sendOwn(k, id, rest = none) {
    if (this.ended) return;
    this.out.add(lengthOf(id, undefined, rest), k, id, undefined, rest);
    if (this.out.log.isOver) this.fail(new HisockError("slow_consumer", this.out.log.noRoom(0)));
  }

  // Calls to the server, and requests for changes.

  /**
   * Sends a request as soon as there is room, and calls done with the answer.
   *
   * @param {number} id
   * @param {number} k
   * @param {string} name
   * @param {Uint8Array} rest
   * @param {Asked["done"]} done
   */
  ask(id, k, name, rest, done) {
    const bytes = name === "" && k === kind.askRename ? none : this.client.names.bytes(name);
    if (bytes instanceof Error) {
      done(this.ended ?? bytes, undefined);
      return;
    }
    const length = lengthOf(id, bytes, rest);
    const err = this.refusal(length, k === kind.request ? bytes : none);
    if (err) {
      done(err, undefined);
      return;
    }
    this.out.addLater(id, length, k, id, bytes, rest); // it throws for a detached buffer
    this.asked.set(id, { k, done });
  }

  /**
   * Calls done as soon as there is room for a frame of that size.
   *
   * @param {number} id
   * @param {number} size
   * @param {Asked["done"]} done
   */
  awaitRoom(id, size, done) {
    if (this.ended) {
      done(this.ended, undefined);
      return;
    }
    this.asked.set(id, { k: 0, done });
    this.out.wait(id, size, () => this.answered(id, undefined, none));
  }

  /**
   * @param {Num} id
   * @param {HisockError | undefined} err
   * @param {Uint8Array | undefined} reply
   */
  answered(id, err, reply) {
    const asked = this.asked.get(id);
    if (!asked) return; // the page has given the request up
    this.asked.delete(id);
    asked.done(err, reply);
  }

  /**
   * Gives up a request, or a wait for room.
   *
   * @param {number} id
   */
  cancel(id) {
    if (this.asked.delete(id) && !this.out.giveUp(id)) this.sendOwn(kind.cancel, id);
  }

  // The end.

  /**
   * Ends the connection for a reason of this side. It drops waiting frames, and tells the server why.
   *
   * @param {HisockError} why
   */
  fail(why) {
    if (this.ended) return;
    this.warn(wordsOf(why.code), why);
    this.end(why, { say: goodbye(why.code, why.message) });
  }

  /** Ends the connection in order. Waiting frames are sent first. */
  close() {
    this.end(new HisockError("closed", "the connection is closed"), { drain: true, say: goodbye("closed", "") });
  }

  /**
   * Ends the connection, unless it has ended.
   *
   * @param {HisockError} why
   * @param {{ drain?: boolean, say?: Goodbye }} how
   */
  end(why, { drain = false, say }) {
    if (this.ended) return;
    const { link, out } = this;
    if (drain) out.flush();
    else this.#left = out.log.undelivered();
    out.close();
    this.#drains = drain;
    this.wasSuspended = !link;
    this.ended = why;
    this.gone.abort(why);
    for (const id of [...this.asked.keys()]) this.answered(id, why, undefined);
    this.streams.end(why);
    this.served.end();
    this.pulse.stop();
    if (!link?.isOpen || (why.code === "conn_lost" && !why.remote)) {
      this.#finish(false);
      return;
    }
    const { received } = this.acks;
    if (say && this.isResumable && received > out.toldAck) link.write(frame(kind.ack, received));
    if (say) link.write(frame(kind.goodbye, undefined, undefined, goodbyeBody(say, this.maxFrame)));
    link.close();
    this.#timer = setTimeout(() => this.#finish(false), closeTime);
  }

  /**
   * Completes the end: gives up the link, reports undelivered messages, and calls onOver.
   *
   * @param {boolean} inOrder whether the server has closed the link after it has read all written frames
   */
  #finish(inOrder) {
    if (this.isOver) return;
    this.isOver = true;
    this.#detach();
    if (this.#drains && !inOrder) this.#left = this.out.log.undelivered();
    const left = this.#left;
    if (left.length > 0) {
      if (this.#drains) this.warn("a connection was closed before all that was sent had arrived", undefined, "messages", left.length / 4);
      this.sink.undelivered(left);
    }
    this.onOver();
  }

  /** Writes what waits, and a goodbye. */
  leave() {
    this.out.flush();
    this.link?.write(frame(kind.goodbye, undefined, undefined, goodbyeBody(goodbye("closed", ""), this.maxFrame)));
  }

  /** Ends the connection without a word, for a session that goes on elsewhere. */
  abandon() {
    this.ended = new HisockError("closed", "the client was detached");
    this.isOver = this.isAbandoned = true;
    this.gone.abort(this.ended);
    this.streams.end(this.ended);
    this.#detach();
  }

  /**
   * Warns of a failure that no caller learns of.
   *
   * @param {string} what
   * @param {HisockError | undefined} err
   * @param {(string | number)[]} args
   */
  warn(what, err, ...args) {
    if (err) args.push("code", wordsOf(err.code), "err", err.message);
    this.sink.warn(`hisock: ${what}`, ...args);
  }
}
