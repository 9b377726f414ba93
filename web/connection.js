// The life of one client: its client in the engine and the events of that, its state, and its session when the page is left.

import { Away } from "./away.js";
import { Calls } from "./calls.js";
import { HisockError, numberOf } from "./errors.js";
import { KeptSession } from "./kept.js";
import { readAuth } from "./options.js";
import { nextTask, watchPage } from "./page.js";
import { probe } from "./probe.js";
import { Stream } from "./streams.js";

/** @typedef {import("./native.d.ts").NativeClient} NativeClient */
/** @typedef {import("./native.d.ts").Config} Config */
/** @typedef {import("./engines.js").Engine} Instance */
/** @typedef {ReturnType<typeof import("./options.js").readOptions>} Options */

// The states by the engine's numbers, from 1.
const states = /** @type {const} */ (["connected", "disconnected", "reconnecting", "resumed", "connecting"]);
const stateOf = (/** @type {number} */ number) => states[number - 1] ?? "disconnected";

export class Connection {
  /** @type {Instance} */
  #inst;
  /** @type {Pick<import("./native.d.ts").Native, "connect">} */
  #engine;
  /** @type {NativeClient | undefined} undefined after the end */
  #native;

  /** @type {import("./incoming.js").Incoming} */
  #incoming;
  /** @type {import("./inbox.js").Inbox<Uint8Array>} */
  #raw;
  /** What the server was asked for. */
  #calls = new Calls();
  /** What the page waits for otherwise. */
  #waits = new Calls();
  #draining = false; // the page sends nothing more

  /** @type {import("./hisock.d.ts").State} */
  state = "connecting";
  resumed = false;
  /** The name that the handlers which run now see: changes that arrived behind their message come later. */
  name;
  /** @type {string[]} the groups when the client ended */
  #lastGroups = [];
  /** @type {(string | HisockError)[]} the refused groups when the client ended */
  #lastRefused = [];

  /**
   * The reason why a connection has ended, until the engine says whether the client comes back: then "disconnected" is told.
   *
   * @type {HisockError | null | undefined} undefined if no connection has ended
   */
  #parted;
  /** Removes the listeners on the page when it aborts. */
  #unlisten = new AbortController();

  /** @type {KeptSession | undefined} */
  #kept;
  #away;
  /** What the client connects with when the page is shown again. @type {Config | undefined} nothing while it is shown */
  #later;
  /**
   * What the client of a page that is shown again connects with, until it has.
   *
   * @type {{ config: Config, isOwn: boolean } | undefined} isOwn unless another page has gone on with the session
   */
  #returns;
  /** The sink of the engine's client. @type {object | undefined} nothing if its end is not the client's */
  #heard;
  /** @type {Uint8Array[]} raw messages of the page before, until #begin */
  #earlyRaw = [];
  #earlyMissed = 0; // frames that the server has dropped, before #begin
  #isDecided = false; // the engine or the page's signal has decided the outcome of connect
  /** Settles connect, with undefined for a welcome. It returns false if connect has been settled. @type {(outcome: unknown) => boolean} */
  #settle = () => false;
  #begun = false;
  #over = false; // the engine has reported the end

  #url;
  #isProbed = false; // the address was asked why the first attempt has failed
  /** Aborts when nobody waits for the answer any more. */
  #probing = new AbortController();

  #auth;
  /** @type {Map<number, AbortController>} calls of the page's auth function that run */
  #auths = new Map();

  /** @type {Promise<HisockError | null>} */
  closed;
  /** @type {(why: HisockError | null) => void} */
  #resolveClosed = () => {};

  /**
   * @param {Instance} inst
   * @param {Options} options
   * @param {import("./incoming.js").Incoming} incoming
   * @param {import("./inbox.js").Inbox<Uint8Array>} raw
   */
  constructor(inst, options, incoming, raw) {
    this.#inst = inst;
    this.#incoming = incoming;
    this.#raw = raw;
    this.name = options.config.name;
    this.#away = new Away(options.config);
    this.#url = options.config.url;
    this.#engine = options.debug?.(inst.native) ?? inst.native;
    this.#auth = options.auth;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /**
   * Connects. The promise resolves once the server has welcomed the client.
   *
   * @param {Options} options
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  open(options, signal) {
    return new Promise((resolve, reject) => {
      const outcome = new Promise((settle) => {
        let settled = false;
        this.#settle = (value) => {
          if (settled) return false;
          settle(value);
          return (settled = true);
        };
      });
      const incoming = this.#incoming;
      const kept = options.keepAs === undefined ? undefined : new KeptSession(options.keepAs, this.name);
      this.#kept = kept;
      const config = kept ? { ...options.config, session: kept.session } : options.config;
      const native = this.#engine.connect(config, this.#sink());
      if (!native || native instanceof Error) {
        kept?.putBack();
        kept?.release();
        reject(native ?? this.#inst.ended ?? new HisockError("crashed", "the Go program of this page is gone"));
        return;
      }
      if (!this.#over) { // if it has ended at once, its methods must not be called
        this.#native = native;
        incoming.native = native;
      }
      const unwatch = this.#inst.onEnd((why) => {
        this.#unlisten.abort();
        this.#native = undefined; // the engine is gone
        incoming.native = undefined;
        this.#probing.abort();
        incoming.push(() => this.#end(why));
      });
      this.closed.then(unwatch);

      const abort = () => {
        this.#probing.abort();
        this.#isDecided = true;
        this.#settle(signal.reason); // before the engine reports an error of its own
        this.#native?.close();
      };
      signal.addEventListener("abort", abort, { once: true });
      watchPage(this.#unlisten.signal, {
        retry: () => this.retryNow(),
        offline: () => this.#native?.offline(),
        leave: (mayReturn) => this.#leave(mayReturn),
        show: () => (this.#later ? this.#return(this.#later) : this.retryNow()),
      });
      outcome.then((err) => {
        signal.removeEventListener("abort", abort);
        if (err !== undefined) {
          // If the server has not answered, the next connect of the page may go on with the session.
          if (!(err instanceof HisockError && err.remote)) kept?.putBack();
          this.#native?.begin();
          reject(signal.aborted ? signal.reason : err);
          return;
        }
        this.#earlyRaw = kept?.raw ?? [];
        kept?.connected();
        resolve();
        // The code that awaits the promise runs first and registers handlers.
        nextTask(() => this.#begin(options.config.groups));
      });
    });
  }

  /**
   * Returns the functions that the engine calls. They queue the events in the order in which they happen.
   *
   * @returns {import("./native.d.ts").Sink}
   */
  #sink() {
    const incoming = this.#incoming;
    /** @type {import("./native.d.ts").Sink} */
    const sink = {
      state: (state, name, why) => {
        if (this.#heard !== sink) return;
        if (!this.#isDecided && /^(connected|resumed)$/.test(stateOf(state))) {
          this.#isDecided = true;
          this.#probing.abort();
          incoming.push(() => {
            if (this.#settle(undefined)) incoming.hold(); // until #begin: the page is given its client first
          });
        }
        this.#changed(state, name, why);
      },
      warn: (message, ...args) => incoming.warn(message, args),
      command: (command, payload, replayed) => incoming.command(command, payload, replayed),
      raw: (payload, replayed) => incoming.rawMessage(payload, replayed),
      replay: (hook, group, messages, missed, lost) => {
        incoming.push(() => void incoming.tell(hook, { group, messages, missed, lost }));
      },
      called: (id, command, payload) => incoming.called(id, command, payload),
      streamed: (stream, name, arg) => incoming.streamed(stream, name, arg),
      auth: (id) => void this.#authorize(id),
      cancelled: (id) => {
        const auth = this.#auths.get(id);
        if (!auth) incoming.cancelled(id);
        else auth.abort(new HisockError("canceled", "the auth is not needed any more"));
      },
      settled: (id, err, payload) => {
        if (this.#heard === sink) incoming.push(() => this.#calls.settle(id, err, payload));
      },
      changed: (hook, what, name) => {
        incoming.push(() => {
          if (hook === "rename") this.name = name;
          incoming.tell(hook, what, name);
        });
      },
      undelivered: (list) => {
        if (this.#heard !== sink) return;
        const messages = /** @type {import("./hisock.d.ts").Undelivered[]} */ ([]);
        for (let i = 0; i < list.length; i += 4) {
          const [raw, command, bytes, written] = /** @type {[boolean, string, Uint8Array, boolean]} */ (list.slice(i, i + 4));
          messages.push({ kind: raw ? "raw" : "command", command, bytes, written });
        }
        incoming.push(() => void incoming.tell("undelivered", messages));
      },
      missed: (n) => {
        if (this.#begun) incoming.push(() => void incoming.tell("missed", n));
        else this.#earlyMissed += n;
      },
      notice: (hook, name, groups, address, old) => incoming.notice(hook, { name, groups, address }, old),
      ended: (err) => {
        if (this.#heard !== sink) return;
        const returns = this.#returns;
        if (returns && err?.code === "name_taken") {
          // Perhaps by the page that was shown meanwhile, and whose end the server has not noticed yet.
          this.#native = incoming.native = undefined;
          this.#later = returns.config;
          setTimeout(() => this.#later && this.#return(this.#later), 500 + 1000 * Math.random());
          return;
        }
        this.#over = true;
        // The engine can be asked for the name and the groups only now. The page is told of the end in order.
        this.#forgetNative();
        this.#probing.abort();
        this.#probing = new AbortController();
        /** @type {unknown} */
        let outcome = err ?? new HisockError("closed", "closed while connecting");
        if (err && this.state === "connecting") outcome = this.#explain(err);
        incoming.push(() => this.#end(err ?? null, outcome));
      },
    };
    this.#heard = sink;
    return sink;
  }

  /**
   * Lets frames through, after the raw messages that the page before has left.
   *
   * @param {string[]} groups the groups of the options
   */
  #begin(groups) {
    this.#incoming.release();
    if (!this.#native) return;
    this.#begun = true;
    for (const bytes of this.#earlyRaw.splice(0)) this.#incoming.rawMessage(bytes, false);
    const missed = this.#earlyMissed;
    if (missed > 0) this.#incoming.push(() => void this.#incoming.tell("missed", missed));
    this.#native.begin();
    if (!this.resumed) return;
    const there = this.groups;
    for (const group of groups) {
      if (there.includes(group)) continue;
      this.ask(undefined, undefined, "", (native, id) => native.change(id, 0, group)).catch((err) => this.#incoming.report(err));
    }
  }

  /**
   * Calls the page's auth function, and gives the engine the result.
   *
   * @param {number} id
   */
  async #authorize(id) {
    const abort = new AbortController();
    this.#auths.set(id, abort);
    await undefined; // the page's code never runs inside a call from the engine
    let auth;
    try {
      auth = await this.#auth?.(abort.signal);
    } catch (err) {
      if (err instanceof HisockError) this.#native?.refuse(id, numberOf(err.code), err.message, 0, undefined);
      else this.#native?.refuse(id, numberOf("unavailable"), `auth failed: ${err instanceof Error ? err.message : String(err)}`, 0, undefined);
      return;
    } finally {
      this.#auths.delete(id);
    }
    try {
      this.#native?.answer(id, readAuth(auth));
    } catch (err) {
      this.#native?.refuse(id, numberOf("bad_payload"), /** @type {Error} */ (err).message, 0, undefined);
    }
  }

  /** How many bytes wait to be written. */
  get bufferedAmount() {
    return this.#native ? this.#native.waiting() : 0;
  }

  /** The last time to the server and back that was measured, in milliseconds. */
  get rtt() {
    return this.#native ? this.#native.rtt() : 0;
  }

  get groups() {
    return this.#native ? this.#native.groups() : [...this.#lastGroups];
  }

  get refusedGroups() {
    const flat = this.#native ? this.#native.refusedGroups() : this.#lastRefused;
    const list = [];
    for (let i = 0; i < flat.length; i += 2) {
      list.push({ group: /** @type {string} */ (flat[i]), why: /** @type {HisockError} */ (flat[i + 1]) });
    }
    return list;
  }

  #hasEnded() {
    return new HisockError("not_connected", `the connection of "${this.name}" has ended`);
  }

  /**
   * Asks the engine to do something, and throws the error that it returns.
   *
   * @param {(native: NativeClient) => HisockError | void} what
   */
  do(what) {
    if (!this.#native) throw this.#hasEnded();
    if (this.#draining) throw new HisockError("closed", "the client is being closed");
    const err = what(this.#native);
    if (err) throw err;
    if (this.#inst.ended) throw this.#inst.ended;
  }

  /**
   * Asks the server for something and resolves with its reply.
   *
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout
   * @param {string} tooLate the message of the error after the timeout
   * @param {(native: NativeClient, id: number) => void} start
   * @param {() => void} [done] is called with a reply, before the promise resolves
   */
  ask(signal, timeout, tooLate, start, done) {
    return this.#calls.ask(
      signal, timeout, tooLate,
      (id) => this.do((native) => start(native, id)),
      (id) => this.#native?.cancel(id),
      done,
    );
  }

  /**
   * Asks for a group or another name, and resolves once the client has it.
   *
   * @param {0 | 1 | 2} how
   * @param {string} name
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout
   * @param {string} tooLate
   */
  change(how, name, signal, timeout, tooLate) {
    // In turn with the renames that the page is told of.
    const done = how === 2 ? () => void (this.name = name) : undefined;
    return this.ask(signal, timeout, tooLate, (native, id) => native.change(id, how, name), done);
  }

  /**
   * Resolves with what start passes on, and rejects if the connection ends before.
   *
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout
   * @param {string} tooLate
   * @param {(settle: (err: unknown, value?: unknown) => void) => void} start
   */
  wait(signal, timeout, tooLate, start) {
    return this.#waits.ask(signal, timeout, tooLate, (id) => {
      if (!this.#native) throw this.#hasEnded();
      start((err, value) => this.#waits.settle(id, err, value));
    }, () => {});
  }

  /**
   * Lets the page send nothing more, and waits until no call is under way in either direction.
   *
   * @param {AbortSignal} signal
   */
  drain(signal) {
    this.#draining = true;
    return this.wait(signal, undefined, "", (settle) => {
      this.#calls.onEnd = this.#incoming.onAnswered = () => {
        if (this.#calls.size + this.#incoming.calls === 0) settle(undefined);
      };
      this.#calls.onEnd();
    });
  }

  /**
   * Opens a stream.
   *
   * @param {string} name
   * @param {Uint8Array} arg
   * @param {boolean} silent
   * @param {boolean} carries
   * @param {AbortSignal | undefined} signal
   */
  openStream(name, arg, silent, carries, signal) {
    signal?.throwIfAborted();
    if (!this.#native) throw this.#hasEnded();
    const stream = this.#native.openStream(name, arg, silent, carries);
    if (stream instanceof Error) throw stream;
    return new Stream(stream, signal);
  }

  retryNow() {
    this.#native?.retryNow();
  }

  async close() {
    const isAway = this.#later || this.#returns;
    if (isAway) this.#heard = undefined;
    this.#incoming.mute();
    this.#native?.close();
    if (isAway) this.#end(null);
    await this.closed;
  }

  /**
   * @param {import("./hisock.d.ts").State | "resumed"} state
   * @param {HisockError | null} why
   */
  #setState(state, why) {
    const now = state === "resumed" ? "connected" : state;
    if (now === this.state && !(state === "connecting" && why)) return; // each failed attempt to connect is told
    if (this.state === "connecting") this.resumed = state === "resumed";
    this.state = now;
    let told = why;
    this.#incoming.push(() => this.#incoming.tell("state", state, told));
    if (state === "connecting" && why && !this.#isProbed) {
      this.#isProbed = true;
      this.#incoming.hold();
      void this.#explain(why).then((explained) => {
        told = explained;
        this.#incoming.release();
      });
    }
  }

  /**
   * Returns the error of a failed attempt to connect, with what the address says if there was no connection.
   *
   * @param {HisockError} err
   */
  async #explain(err) {
    return err.code === "not_connected" && !err.remote ? probe(this.#url, err, this.#probing.signal) : err;
  }

  /**
   * Handles a state that the engine reports. With "disconnected" the engine does not say whether the client comes back.
   *
   * @param {number} number
   * @param {string} name
   * @param {HisockError | undefined} why
   */
  #changed(number, name, why) {
    let state = stateOf(number);
    if (!this.#begun) this.name = name;
    else this.#incoming.push(() => (this.name = name));
    if (this.#returns) {
      if (state === "connecting" || state === "disconnected") return; // the page has been told "reconnecting"
      if (!this.#returns.isOwn) state = "connected";
      if (state === "connected") this.#parted = new HisockError("conn_lost", "the session is over");
      this.#returns = undefined;
      this.#kept?.connected();
    }
    if (state === "disconnected") {
      this.#parted = why ?? null;
      // Calls that have arrived belong to the connection that has ended: calls of the next one come later.
      this.#incoming.abandonCalls(why ?? new HisockError("closed", "the connection has ended"));
      return;
    }
    const parted = this.#parted;
    if (parted !== undefined) {
      this.#parted = undefined;
      this.#setState("disconnected", parted);
    }
    if (state === "connected" && this.#native) this.#away.joined(this.#native);
    if (state === "reconnecting" && parted === undefined) nextTask(() => this.#hurry(6));
    this.#setState(state, why ?? null);
  }

  /**
   * Lets a client whose session waits at the server try again while the page is hidden. Timers of such a page are late, by a
   * second or a minute, and the session might be over before.
   *
   * @param {number} times
   */
  #hurry(times) {
    if (times === 0 || this.state !== "reconnecting" || this.#parted !== undefined || !globalThis.document?.hidden) return;
    this.retryNow();
    AbortSignal.timeout(5000).addEventListener("abort", () => this.#hurry(times - 1)); // it may be late too
  }

  /**
   * Lets the client go when the page is left. If the page may be shown again, so may the client come back.
   *
   * @param {boolean} mayReturn
   */
  #leave(mayReturn) {
    const native = this.#native;
    if (!native || (mayReturn && native.sessionBytes() === 0)) return; // the client is away, or the end of its link is its end
    const later = this.#away.config(native);
    if (mayReturn) this.#heard = undefined;
    if (!this.#keep(mayReturn)) {
      if (!mayReturn) {
        this.#native?.close();
        return;
      }
      later.session = this.#native?.detach(true) ?? later.session;
    }
    if (!mayReturn) return;
    this.#native = this.#incoming.native = undefined;
    this.#later = later;
    const why = new HisockError("conn_lost", "the page was left");
    this.#incoming.abandonCalls(why);
    this.#setState("reconnecting", why);
    const { last } = this.#calls;
    this.#incoming.push(() => this.#calls.end(why, last)); // calls of the page that is shown again may have begun
  }

  /**
   * Lets the client come back to a page that is shown again.
   *
   * @param {Config} config
   */
  #return(config) {
    this.#later = undefined;
    const kept = this.#kept;
    const isOwn = !kept || config.session.length > 0 || kept.take();
    if (kept && config.session.length === 0) config.session = kept.session;
    this.#returns = { config, isOwn };
    const native = this.#engine.connect(config, this.#sink());
    if (!native || native instanceof Error) {
      this.#end(native ?? this.#inst.ended ?? null);
      return;
    }
    this.#native = this.#incoming.native = native;
    if (!isOwn) for (const bytes of kept?.raw ?? []) this.#incoming.rawMessage(bytes, false);
    native.begin();
  }

  /**
   * Keeps the session for the next page. It returns false if the session cannot be kept, or need not be.
   *
   * @param {boolean} mayReturn
   */
  #keep(mayReturn) {
    const kept = this.#kept;
    const native = this.#native;
    if (!kept || !native) return false;
    const size = native.sessionBytes();
    if (size === 0) return kept.putBack(); // the client is connecting, perhaps with the session of the page before
    const raw = [...this.#earlyRaw, ...this.#raw.kept];
    if (!kept.reserve(size, raw)) return false;
    if (!mayReturn) {
      this.#incoming.stop();
      this.#unlisten.abort();
    }
    this.#native = undefined;
    return kept.store(native.detach(false), raw);
  }

  #forgetNative() {
    if (!this.#native) return;
    this.#lastGroups = this.#native.groups();
    this.#lastRefused = this.#native.refusedGroups();
    this.#native = undefined;
    this.#incoming.native = undefined;
  }

  /**
   * Ends the client. Calls, waits and closed are settled behind all that the page is told.
   *
   * @param {HisockError | null} why
   * @param {unknown} [outcome] of connect, if connect has not been settled
   */
  #end(why, outcome = why) {
    this.#later = this.#returns = this.#native = this.#incoming.native = undefined;
    this.#unlisten.abort();
    this.#kept?.release();
    const err = why ?? new HisockError("closed", "the connection was closed");
    this.#incoming.abandonCalls(err);
    this.#setState("disconnected", why);
    this.#incoming.push(() => {
      this.#settle(outcome);
      this.#calls.end(err);
      this.#waits.end(err);
      this.#raw.end(err);
      this.#resolveClosed(why);
    });
  }
}
