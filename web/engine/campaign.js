// A client over all its connections, from the first attempt to the end for good: it connects, comes back, joins anew, and
// tells its sink of each change.

import { HisockError } from "../errors.js";
import { Attempts, leave } from "./attempt.js";
import { Conn } from "./conn.js";
import { goOn } from "./detach.js";
import { comesBack, typed } from "./fault.js";
import { undelivered } from "./log.js";
import { Pace } from "./pace.js";
import { probeTime } from "./pulse.js";
import { none } from "./wire.js";

/** @typedef {import("./attempt.js").Newcomer} Newcomer */

// The numbers of the states that a sink is told of.
const connected = 1;
const disconnected = 2;
const reconnecting = 3;
const resumed = 4;
const connecting = 5;

// Milliseconds after the end of a session's time. By then the server has surely given the session up.
const surePause = 5000;

export class Campaign {
  /** The connection, or the last one if there is none. @type {Conn | undefined} */
  conn;
  attempts;

  #client;
  #config;
  #pace;
  /** Aborts when the client is to stay away. */
  #stop = new AbortController();
  #begun = false; // frames are let through

  /** Starts the next attempt at once, or the attempt under way anew. @type {(() => void) | undefined} */
  #hurry;
  #hurried = false;
  #askedAt = 0; // when the server was asked last whether it is still there

  /**
   * @param {import("./client.js").EngineClient} client
   * @param {import("../native.d.ts").Config} config
   */
  constructor(client, config) {
    this.#client = client;
    this.#config = config;
    this.#pace = new Pace(config.retry);
    this.attempts = new Attempts(client, config);
  }

  /** Goes from connection to connection, and returns why the last one has ended. It never returns if the last one is abandoned. */
  async run() {
    let why;
    try {
      why = await this.#live(await this.#first());
    } catch (err) {
      why = typed(err);
    }
    this.#stop.abort();
    return why;
  }

  /**
   * Keeps the client from coming back, and from connecting.
   *
   * @param {HisockError} why
   */
  stop(why) {
    this.#stop.abort(why);
  }

  /** Lets frames through. */
  begin() {
    if (this.#begun) return;
    this.#begun = true;
    this.conn?.read();
  }

  /** Tries at once, or asks the server whether it is still there: there may be a network again. */
  retryNow() {
    if (this.#hurry) {
      this.#hurry();
    } else {
      this.#hurried = true;
      this.#askedAt = Date.now();
      this.conn?.pulse.probe();
    }
  }

  /** Gives the link up, because the network is gone. If the connection would end with the link, it asks the server whether it is there. */
  offline() {
    const { conn } = this;
    if (conn?.isResumable && conn.link && !conn.ended) conn.lose(new HisockError("conn_lost", "the browser is offline"));
    else conn?.pulse.probe();
  }

  /**
   * @param {number} state
   * @param {HisockError} [why]
   */
  #tell(state, why) {
    this.#client.sink.state(state, this.#client.name(), why);
  }

  /** Connects for the first time. */
  async #first() {
    const { signal } = this.#stop;
    if (!this.#config.first) return this.#attempt(signal, undefined, false);
    this.#tell(connecting);
    for (this.#hurried = false; ; ) {
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
   * Makes an attempt. It begins the attempt anew when retryNow is called: the attempt may hang in a network that is gone.
   *
   * @param {AbortSignal} signal
   * @param {Conn | undefined} last
   * @param {boolean} goOn
   */
  async #attempt(signal, last, goOn) {
    for (;;) {
      const anew = new AbortController();
      this.#hurry = () => {
        this.#pace.hurry();
        anew.abort(new HisockError("canceled", "the attempt is begun anew"));
      };
      try {
        return await this.attempts.make(AbortSignal.any([signal, anew.signal]), last, goOn, this.#pace.attempt());
      } catch (err) {
        if (signal.aborted || !anew.signal.aborted) throw err;
      } finally {
        this.#hurry = undefined;
      }
    }
  }

  /**
   * @param {Newcomer} newcomer
   * @returns {Promise<HisockError>}
   */
  async #live(newcomer) {
    for (;;) {
      const conn = this.#adopt(newcomer);
      const next = await this.#keepUp(conn);
      const why = /** @type {HisockError} */ (conn.ended);
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
        this.#tell(disconnected, typed(err));
        throw err;
      }
    }
  }

  /**
   * Makes a connection of a link with a welcome, and lets it run.
   *
   * @param {Newcomer} newcomer
   */
  #adopt({ link, welcome, wish, took }) {
    const { attempts } = this;
    const client = this.#client;
    const conn = new Conn(client, this.#config, welcome, wish);
    this.conn = conn;
    this.#pace.up(took);
    attempts.plain = false;
    const { parked } = attempts;
    attempts.parked = undefined;
    if (parked && welcome.resumed) {
      goOn(conn, parked, welcome.received);
    } else {
      wish.welcomed(welcome.groups);
      if (parked) attempts.lost = parked.outbox;
      client.book.connected();
    }
    conn.attach(link);
    const lost = undelivered(attempts.lost, attempts.lost.length);
    attempts.lost = none;
    if (lost.length > 0) client.sink.undelivered(lost);
    this.#tell(welcome.resumed ? resumed : connected);
    if (client.notices && !welcome.notices) {
      conn.warn("the server tells this client of nobody", new HisockError("unsupported", "the server tells this client of no others"));
    }
    if (this.#begun) conn.read();
    void client.askLater(conn);
    return conn;
  }

  /**
   * Brings a connection back as often as it loses its link. Once the connection has ended, it resolves to the newcomer that
   * takes the connection's place, or to undefined.
   *
   * @param {Conn} conn
   * @returns {Promise<Newcomer | undefined>}
   */
  #keepUp(conn) {
    return new Promise((resolve) => {
      /** @type {Newcomer | undefined} */
      let next;
      conn.onOver = () => resolve(next);
      conn.onLost = (why) => void this.#comeBack(conn, why, (newcomer) => (next = newcomer));
      if (conn.isOver) resolve(undefined);
      else if (!conn.link?.isOpen) conn.lose(new HisockError("conn_lost", "the connection broke off"));
    });
  }

  /**
   * Goes on with a connection that has lost its link, or ends it.
   *
   * @param {Conn} conn
   * @param {HisockError} why
   * @param {(newcomer: Newcomer) => void} replace is called with the newcomer that takes the place of conn, before conn ends
   */
  async #comeBack(conn, why, replace) {
    const { signal } = conn.gone;
    const over = (/** @type {string} */ text) => conn.end(new HisockError("conn_lost", text), {});
    this.#tell(reconnecting, why);
    this.#pace.down(conn.lived, conn.resumable);
    this.#hurried = Date.now() - this.#askedAt < 2 * probeTime;
    while (!conn.ended) {
      if (!(await this.#wait(signal, why.retryAfter))) {
        if (!conn.ended) this.stop(why); // the client has tried for as long as its options say
        conn.end(why, {});
        return;
      }
      if (conn.resumable && conn.heartbeat && Date.now() - conn.died > conn.resumable + 3 * conn.heartbeat + surePause) {
        over("the session is over");
        return;
      }
      try {
        const newcomer = await this.#attempt(signal, conn, true);
        if (conn.ended) leave(newcomer);
        else this.#goOn(conn, newcomer, () => (replace(newcomer), over("the server has given the session up")));
        return;
      } catch (err) {
        why = typed(err);
      }
      if (conn.ended) return;
      if (why.code === "session_over") over("the server has given the session up"); // then the client joins anew, with fresh auth
      else if (!this.attempts.simplify(conn, why) && !comesBack(why, true)) conn.end(why, {});
    }
  }

  /**
   * @param {Conn} conn
   * @param {Newcomer} newcomer
   * @param {() => void} supersede
   */
  #goOn(conn, newcomer, supersede) {
    const { link, welcome, took } = newcomer;
    if (!welcome.resumed) {
      supersede();
    } else if (conn.resume(link, welcome.received)) {
      if (welcome.session.length > 0) conn.id = welcome.session; // another server of a cluster has another one
      this.#pace.up(took);
      this.#tell(resumed);
      if (this.#begun) conn.read();
    } else {
      leave(newcomer);
      conn.end(new HisockError("protocol", "resumed what cannot be"), {});
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
      if (!this.attempts.simplify(last, why) && !comesBack(why, true)) break;
    }
    throw signal.aborted ? signal.reason : why;
  }

  /**
   * Waits before an attempt, at least as long as the server has asked for. It returns false if signal aborts, or if the
   * client has tried for as long as its options say.
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
}
