// A client over all its connections: it connects, comes back, joins anew, and tells its sink of each change.

import { HisockError, nameOf, numberOf } from "../errors.js";
import { Book } from "./book.js";
import { Conn, ackAt } from "./conn.js";
import { comesBack, fromServer, typed } from "./fault.js";
import { dial } from "./link.js";
import { frameSize, split, undelivered } from "./log.js";
import { Names, maxName, nameBytes } from "./names.js";
import { Pace } from "./pace.js";
import { park, parkedSize, unpark } from "./parked.js";
import { defaultMaxFrame, frame, goodbyeBody, helloFrame, join, kind, none } from "./wire.js";
import { Wish } from "./wish.js";

/** @typedef {import("../native.d.ts").Config} Config */
/** @typedef {import("../native.d.ts").NativeClient} NativeClient */
/** @typedef {import("./link.js").Welcomed} Welcomed */
/** @typedef {Welcomed & { wish: Wish, took: number }} Newcomer */

// As a sink is told of states.
const connected = 1;
const disconnected = 2;
const reconnecting = 3;
const resumed = 4;
const connecting = 5;

/** How long the page may take for its auth, and a server beyond the time that it has said, in milliseconds. */
const authTime = 15_000;
const surePause = 5000;

/** What a hello may hold of positions, in bytes, and what it holds in all with them. */
const helloPositions = 2 << 10;
const helloRoom = 4 << 10;

/** @implements {NativeClient} */
export class EngineClient {
  sink;
  notices;
  names = new Names();
  book = new Book();

  #config;
  #onOver;
  #pace;
  /** @type {Conn | undefined} the connection, or the last one */
  #conn;
  /** Aborts when the client is to stay away. */
  #stop = new AbortController();
  #begun = false;
  #connectedOnce = false;
  #plain = false; // the next hello asks for no more than the options do

  /** Of the page before, until the client has connected. @type {import("./parked.js").Parked | undefined} */
  #parked;
  #lost = none; // frames of a session that is over, until they are handed back

  /** Lets the next attempt be made now. @type {(() => void) | undefined} */
  #hurry;
  #hurried = false;

  /** The calls of the server that the page handles. @type {Map<number, { conn: Conn, id: import("./numbers.js").Num }>} */
  #served = new Map();
  /** What the page is asked for its auth. @type {Map<number, (auth: Uint8Array | HisockError) => void>} */
  #asked = new Map();
  #lastServed = 0;
  #firstCall = 0; // the page's ids begin behind it on the wire, as even numbers
  #lastCall = 0; // the greatest id that was used
  #lastOwn = 0;
  #lacking = 0; // the size of the command that was sent last, in bytes, if there was no room for it

  /**
   * @param {Config} config
   * @param {import("../native.d.ts").Sink} sink
   * @param {() => void} onOver is called when all is over
   */
  constructor(config, sink, onOver) {
    this.#config = { ...config, auth: config.auth && config.auth.slice() };
    this.sink = sink;
    this.notices = config.notices;
    this.#onOver = onOver;
    this.#pace = new Pace(config.retry);
    if (config.session.length > 0) {
      this.#parked = unpark(config.session);
      if (this.#parked) this.book = this.#parked.book;
      else sink.warn("hisock: a detached session is damaged or of another version: the client joins anew");
    }
    queueMicrotask(() => void this.#run());
  }

  async #run() {
    let why;
    try {
      why = await this.#live(await this.#first());
    } catch (err) {
      why = typed(err);
    }
    if (this.#conn?.isAbandoned) return; // the session goes on elsewhere, and nobody listens any more
    this.#stop.abort();
    this.#onOver();
    this.sink.ended(why.code === "closed" && !why.remote && this.#connectedOnce ? undefined : why);
  }

  // Connecting for the first time.

  /** @returns {Promise<Newcomer>} */
  async #first() {
    const { signal } = this.#stop;
    if (!this.#config.first) return this.#attempt(signal, undefined, false);
    this.#tell(connecting);
    this.#hurried = false;
    for (;;) {
      let why;
      try {
        return await this.#attempt(signal, undefined, false);
      } catch (err) {
        why = typed(err);
      }
      if (!signal.aborted && comesBack(why, false)) {
        this.#tell(connecting, why);
        if (await this.#wait(signal, why.retryAfter)) continue;
      }
      if (signal.aborted) why = typed(signal.reason);
      this.#tell(disconnected, why);
      throw why;
    }
  }

  /**
   * Goes from one connection to the next, and returns why the last one has ended.
   *
   * @param {Newcomer} newcomer
   */
  async #live(newcomer) {
    for (;;) {
      const conn = this.#adopt(newcomer);
      const next = await this.#keepUp(conn);
      const why = /** @type {HisockError} */ (conn.ended);
      if (conn.isAbandoned) return why;
      this.#tell(disconnected, why);
      if (next) {
        newcomer = next; // another connection has taken the place of this one
        continue;
      }
      if (this.#stop.signal.aborted || this.#config.stay || !comesBack(why, false)) return why;
      this.#tell(reconnecting, why);
      try {
        newcomer = await this.#rejoin(conn, why);
      } catch (err) {
        if (this.#conn?.isAbandoned) return why;
        this.#tell(disconnected, typed(err));
        return typed(err);
      }
    }
  }

  /**
   * Makes a connection of a link with a welcome, and lets it run.
   *
   * @param {Newcomer} newcomer
   */
  #adopt({ link, welcome, wish, took }) {
    const conn = new Conn(this, this.#config, welcome, wish);
    this.#conn = conn;
    this.#connectedOnce = true;
    this.#plain = false;
    this.#pace.up(took);
    const parked = this.#parked;
    this.#parked = undefined;
    if (parked && welcome.resumed) {
      conn.name = parked.name;
      conn.groups = new Set(parked.groups);
      conn.received = parked.received;
      conn.missed = parked.missed;
      this.#firstCall = this.#lastCall = parked.lastCall + (parked.lastCall % 2);
      conn.log.restore(parked.acked, parked.outbox, [...split(parked.outbox)].length);
      conn.log.resume(welcome.received); // which attempt has looked at
    } else {
      conn.groups = new Set(welcome.groups);
      wish.welcomed(welcome.groups);
      if (parked) this.#lost = parked.outbox;
      this.book.connected();
    }
    conn.attach(link);
    const lost = undelivered(this.#lost, this.#lost.length);
    this.#lost = none;
    if (lost.length > 0) this.sink.undelivered(lost);
    this.#tell(welcome.resumed ? resumed : connected);
    if (this.notices && !welcome.notices) {
      conn.warn("the server tells this client of nobody", new HisockError("unsupported", "the server tells this client of no others"));
    }
    if (parked && welcome.resumed) conn.inbox = parked.inbox;
    if (this.#begun) conn.read();
    void this.#askLater(conn);
    return conn;
  }

  begin() {
    if (this.#begun) return;
    this.#begun = true;
    this.#conn?.read();
  }

  /**
   * Brings a connection back as often as it loses its link. It returns when the connection has ended, with the link
   * that has taken its place if there is one.
   *
   * @param {Conn} conn
   * @returns {Promise<Newcomer | undefined>}
   */
  #keepUp(conn) {
    return new Promise((resolve) => {
      /** @type {Newcomer | undefined} */
      let next;
      conn.onOver = () => resolve(next);
      if (conn.isOver) resolve(undefined);
      conn.onLost = (why) => void this.#comeBack(conn, why, (newcomer) => (next = newcomer));
      if (!conn.link?.isOpen) conn.lose(new HisockError("conn_lost", "the connection broke off"));
    });
  }

  /**
   * Goes on with a connection that has lost its link, or ends it.
   *
   * @param {Conn} conn
   * @param {HisockError} why
   * @param {(newcomer: Newcomer) => void} replace is told of a link that takes its place, before it is ended
   */
  async #comeBack(conn, why, replace) {
    const over = (/** @type {string} */ text) => conn.end(new HisockError("conn_lost", text), {});
    this.#tell(reconnecting, why);
    this.#pace.down(conn.lived, conn.resumable);
    this.#hurried = false;
    const { signal } = conn.gone;
    while (!conn.ended) {
      if (!(await this.#wait(signal, why.retryAfter))) {
        this.#stop.abort(why);
        conn.end(why, {});
        return;
      }
      if (conn.resumable && conn.heartbeat && Date.now() - conn.died > conn.resumable + 3 * conn.heartbeat + surePause) {
        over("the session is over");
        return;
      }
      try {
        const newcomer = await this.#attempt(signal, conn, true);
        if (conn.ended) {
          leave(newcomer);
        } else if (!newcomer.welcome.resumed) {
          replace(newcomer);
          over("the server has given the session up");
        } else if (conn.resume(newcomer.link, newcomer.welcome.received)) {
          this.#pace.up(newcomer.took);
          conn.address = newcomer.welcome.addr;
          this.#tell(resumed);
          if (this.#begun) conn.read();
        } else {
          leave(newcomer);
          conn.end(new HisockError("protocol", "resumed what cannot be"), {});
        }
        return;
      } catch (err) {
        why = typed(err);
      }
      if (conn.ended) return;
      if (why.code === "session_over") over("the server has given the session up"); // and it joins anew, with fresh auth
      else if (!this.#simplify(conn, why) && !comesBack(why, true)) conn.end(why, {});
    }
  }

  /**
   * Joins anew in the place of a connection that has ended.
   *
   * @param {Conn} last
   * @param {HisockError} why
   */
  async #rejoin(last, why) {
    const { signal } = this.#stop;
    if (last.wasSuspended) this.#pace.over();
    else this.#pace.down(last.lived, 0);
    this.#hurried = false;
    while (await this.#wait(signal, why.retryAfter)) {
      try {
        return await this.#attempt(signal, last, false);
      } catch (err) {
        if (signal.aborted) break;
        why = typed(err);
      }
      if (!this.#simplify(last, why) && !comesBack(why, true)) break;
    }
    throw signal.aborted ? signal.reason : why;
  }

  /**
   * Waits before an attempt, at least as long as the server has asked for. It returns false if signal aborts, or if the
   * client has tried for long enough.
   *
   * @param {AbortSignal} signal
   * @param {number} least in milliseconds
   * @returns {Promise<boolean>}
   */
  #wait(signal, least) {
    const wait = this.#pace.next(least);
    if (wait === undefined || signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", go);
        this.#hurry = undefined;
        resolve(!signal.aborted);
      };
      const timer = setTimeout(go, Math.min(wait, 0x7fffffff));
      signal.addEventListener("abort", go);
      this.#hurry = () => {
        this.#pace.hurry();
        go();
      };
      if (this.#hurried) this.#hurry();
      this.#hurried = false;
    });
  }

  retryNow() {
    if (this.#hurry) this.#hurry();
    else this.#hurried = true;
  }

  /**
   * Lets a client try again with the name and groups of the options only, after its hello was refused for a reason
   * that other names and groups may have caused. It returns false if the hello had no others.
   *
   * @param {Conn} last
   * @param {HisockError} why
   */
  #simplify(last, why) {
    const { more, name } = new Wish(this.#config, last, this.#plain);
    const renamed = name !== this.#config.name;
    if (/^(too_big|too_many_groups|bad_name)$/.test(String(why.code))) return (this.#plain = more > 0 || renamed);
    return why.code === "name_taken" && (this.#plain = renamed);
  }

  // One attempt.

  /**
   * @param {AbortSignal} signal
   * @param {Conn | undefined} last the connection before, if there was one
   * @param {boolean} goOn it wants to go on with that
   * @returns {Promise<Newcomer>}
   */
  async #attempt(signal, last, goOn) {
    const wish = new Wish(this.#config, last, this.#plain);
    const parked = last ? undefined : this.#parked;
    const hello = await this.#hello(signal, wish, goOn ? last : undefined, parked);
    const begun = Date.now();
    let welcomed;
    try {
      welcomed = await this.#dial(signal, hello, last !== undefined);
    } catch (err) {
      const { code, remote } = typed(err);
      if (remote && (code === "too_big" || code === "bad_name") && hello.positions?.length) {
        welcomed = await this.#dial(signal, { ...hello, positions: [] }, last !== undefined); // rather without positions than not at all
      } else if (parked && code === "session_over") {
        return this.#joinAnew(signal, parked);
      } else {
        throw err;
      }
    }
    if (parked && welcomed.welcome.resumed && !fits(parked, welcomed.welcome.received)) {
      leave(welcomed);
      return this.#joinAnew(signal, parked);
    }
    return { ...welcomed, wish, took: Date.now() - begun };
  }

  /**
   * @param {AbortSignal} signal
   * @param {import("./parked.js").Parked} parked a session that is over
   */
  #joinAnew(signal, parked) {
    this.#lost = parked.outbox;
    this.#parked = undefined;
    return this.#attempt(signal, undefined, false);
  }

  /**
   * @param {AbortSignal} signal
   * @param {Wish} wish
   * @param {Conn | undefined} conn to go on with
   * @param {import("./parked.js").Parked | undefined} parked likewise
   * @returns {Promise<import("./wire.js").Hello>}
   */
  async #hello(signal, wish, conn, parked) {
    const { auth, maxFrame, metadata, name, groups, queueBytes, stay } = this.#config;
    for (const text of name ? [name, ...groups] : groups) {
      const fault = nameBytes(text, maxName);
      if (fault instanceof Error) throw fault;
    }
    const session = conn?.token.length ? { session: conn.id, token: conn.token, received: conn.received }
      : parked && { session: parked.id, token: parked.token, received: parked.received };
    const base = { notices: this.notices, maxFrame: maxFrame || defaultMaxFrame, resume: !stay, ackBytes: ackAt(queueBytes || 1 << 20), ...session };
    if (session && !auth) return { ...base, onlyResume: true };
    const hello = { ...base, name: wish.name, groups: wish.groups, metadata, auth: auth ?? (await this.#askAuth(signal)) };
    return { ...hello, positions: this.#positions(hello) };
  }

  /** @param {import("./wire.js").Hello} hello */
  #positions(hello) {
    let room = Math.min(helloPositions, helloRoom - helloFrame(hello).length);
    const inHello = hello.groups ?? [];
    return [...inHello, ...[...this.book.left].reverse().filter((g) => !inHello.includes(g))].flatMap((group) => {
      const at = this.book.position(group);
      if (!at) return [];
      const size = helloFrame({ positions: [at] }).length;
      if (size > room) return [];
      room -= size;
      return [at];
    });
  }

  /**
   * @param {AbortSignal} signal
   * @param {import("./wire.js").Hello} hello
   * @param {boolean} again
   */
  async #dial(signal, hello, again) {
    const { url, maxFrame, first } = this.#config;
    const most = this.#pace.attempt();
    const late = new AbortController();
    const err = new HisockError("deadline_exceeded", `the server did not answer within ${most} ms`);
    const timer = again || first ? setTimeout(() => late.abort(err), most) : undefined;
    try {
      return await dial(url, helloFrame(hello), maxFrame || defaultMaxFrame, AbortSignal.any([signal, late.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Asks the page for its auth.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<Uint8Array>}
   */
  #askAuth(signal) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastServed;
      const settle = (/** @type {Uint8Array | HisockError} */ auth) => {
        this.#asked.delete(id);
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        if (auth instanceof Error) reject(auth);
        else resolve(auth.slice());
      };
      const giveUp = (/** @type {HisockError} */ why) => {
        settle(why);
        this.sink.cancelled(id);
      };
      const abort = () => giveUp(signal.reason);
      const timer = setTimeout(() => giveUp(new HisockError("unavailable", "the auth took too long")), authTime);
      signal.addEventListener("abort", abort);
      this.#asked.set(id, settle);
      this.sink.auth(id);
      if (signal.aborted) abort();
    });
  }

  /**
   * @param {number} state
   * @param {HisockError} [why]
   */
  #tell(state, why) {
    this.sink.state(state, this.name(), why);
  }

  // What the page asks for.

  name() {
    return this.#conn?.name ?? this.#config.name;
  }

  groups() {
    return [...(this.#conn?.groups ?? [])].sort();
  }

  refusedGroups() {
    return (this.#conn?.refused ?? []).flatMap((r) => [r.name, fromServer(r)]);
  }

  /** How many functions its WebSocket has of this engine. */
  get callbacks() {
    return this.#conn?.callbacks ?? 0;
  }

  /** @param {string} command @param {Uint8Array} payload */
  send(command, payload) {
    const name = this.names.bytes(command);
    return name instanceof Error ? name : this.#send(name, payload);
  }

  /** @param {Uint8Array} payload */
  sendRaw(payload) {
    return this.#send(undefined, payload);
  }

  /** @param {Uint8Array | undefined} name @param {Uint8Array} payload */
  #send(name, payload) {
    if (!this.#conn) return notConnected();
    const err = this.#conn.send(name, payload);
    this.#lacking = err?.code === "queue_full" ? frameSize(undefined, name, payload) : 0;
    return err;
  }

  /** @param {number} id */
  drained(id) {
    const conn = this.#conn;
    if (!conn || conn.ended) {
      this.sink.settled(id, conn?.ended ?? notConnected(), undefined);
      return;
    }
    conn.awaitRoom(this.#idOf(id), Math.max(this.#lacking, conn.queueBytes / 4), (err, none) => this.sink.settled(id, err, none));
  }

  /** @param {number} id @param {string} command @param {Uint8Array} payload */
  call(id, command, payload) {
    this.#ask(id, kind.request, command, payload);
  }

  /** @param {number} id @param {0 | 1 | 2} how @param {string} name */
  change(id, how, name) {
    const k = /** @type {const} */ ([kind.askJoin, kind.askLeave, kind.askRename])[how];
    this.#ask(id, k, name, this.#position(k, name));
  }

  /** @param {number} id @param {number} k @param {string} name @param {Uint8Array} rest */
  #ask(id, k, name, rest) {
    const conn = this.#conn;
    if (!conn) {
      this.sink.settled(id, notConnected(), undefined);
      return;
    }
    conn.ask(this.#idOf(id), k, name, rest, (err, reply) => {
      if (k !== kind.request && !err) conn.wish.answered(k, name, true);
      this.sink.settled(id, err, reply);
    });
  }

  /** The position of the client in a group, as it stands in an ask. @param {number} k @param {string} group */
  #position(k, group) {
    const at = k === kind.askJoin ? this.book.position(group) : undefined;
    return at ? join([at.epoch, at.number]) : none;
  }

  /** Ids of the page are even on the wire, those of the engine odd. @param {number} id */
  #idOf(id) {
    const wire = this.#firstCall + 2 * id;
    this.#lastCall = Math.max(this.#lastCall, wire);
    return wire;
  }

  /** @param {number} id */
  cancel(id) {
    this.#conn?.cancel(this.#idOf(id));
  }

  /**
   * Asks for the name and the groups that the hello left out, one after the other.
   *
   * @param {Conn} conn
   */
  async #askLater(conn) {
    const { rename, later } = conn.wish;
    /** @type {[number, string][]} */
    const wishes = [...later].map((group) => [kind.askJoin, group]);
    if (rename) wishes.unshift([kind.askRename, rename]);
    for (const [k, name] of wishes) {
      for (;;) {
        const id = this.#firstCall + 2 * ++this.#lastOwn - 1;
        this.#lastCall = Math.max(this.#lastCall, id);
        const err = await new Promise((resolve) => conn.ask(id, k, name, this.#position(k, name), resolve));
        if (conn.ended) return;
        if (!err?.retryAfter) {
          conn.wish.answered(k, name, !err);
          if (err) conn.warn("the server refuses what the client had before", err, "change", k === kind.askRename ? "rename" : "join", "to", name);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, err.retryAfter));
        if (conn.ended) return;
      }
    }
  }

  // Calls of the server, and auth.

  /** @param {Conn} conn @param {import("./numbers.js").Num} id */
  nextServed(conn, id) {
    this.#served.set(++this.#lastServed, { conn, id });
    return this.#lastServed;
  }

  /** @param {number} page */
  forgetServed(page) {
    this.#served.delete(page);
  }

  /** @param {number} id @param {Uint8Array} payload */
  answer(id, payload) {
    this.#asked.get(id)?.(payload);
    const call = this.#served.get(id);
    if (!call) return;
    call.conn.answer(call.id, payload);
    this.#served.delete(id);
  }

  /**
   * @param {number} id
   * @param {number} code
   * @param {string} message
   * @param {number} retryAfter
   * @param {Uint8Array | undefined} details
   */
  refuse(id, code, message, retryAfter, details) {
    const asked = this.#asked.get(id);
    if (asked) {
      const err = new HisockError("internal", message, { retryAfter });
      err.code = nameOf(code);
      asked(err);
    }
    const call = this.#served.get(id);
    if (!call) return;
    this.#served.delete(id);
    call.conn.refuse(call.id, { code, reason: message, retryAfter, details });
  }

  // The end.

  close() {
    this.begin();
    this.#stop.abort(new HisockError("closed", "the client was closed"));
    this.#conn?.close();
  }

  /** @param {Conn} conn @returns {import("./parked.js").Parked} */
  #park(conn) {
    const { id, token, name, groups, received, missed, log } = conn;
    return {
      id, token, name, groups: [...groups].sort(), received, missed, dropped: 0, lastCall: this.#lastCall, acked: log.acked,
      inbox: conn.inbox, outbox: log.bytes(), book: this.book,
    };
  }

  sessionBytes() {
    const conn = this.#conn;
    if (!conn || conn.ended || conn.token.length === 0 || !conn.log.keeps) return 0;
    return parkedSize(this.#park(conn)) + 80 * (conn.asked.size + conn.serving.size);
  }

  detach() {
    const conn = this.#conn;
    if (!conn || this.sessionBytes() === 0) return undefined;
    // The calls under way are given up, on both sides.
    for (const id of conn.serving.keys()) {
      const why = { code: numberOf("conn_lost"), reason: "the client was detached while it handled the call", retryAfter: 0, details: undefined };
      conn.sendOwn(kind.failure, id, goodbyeBody(why, conn.maxFrame));
    }
    for (const [id, { k }] of conn.asked) if (k === kind.request) conn.cancel(Number(id));
    const session = park(this.#park(conn));
    conn.abandon();
    this.#stop.abort(conn.ended);
    this.#onOver();
    return session;
  }
}

const notConnected = () => new HisockError("not_connected", "the client has not connected");

/** Reports whether a server that has so many frames can go on with a session. @param {import("./parked.js").Parked} s @param {import("./numbers.js").Num} received */
const fits = (s, received) => s.acked <= received && received <= s.acked + [...split(s.outbox)].length;

/** Says goodbye over a link that is not wanted any more. @param {Welcomed} welcomed */
function leave({ link }) {
  link.write(frame(kind.goodbye, undefined, undefined, goodbyeBody({ code: numberOf("closed"), reason: "", retryAfter: 0, details: undefined }, defaultMaxFrame)));
  link.close();
}
