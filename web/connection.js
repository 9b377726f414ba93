// One client: its client in the engine, and what that reports, in order.

import { Auths } from "./auths.js";
import { Away } from "./away.js";

import { HisockError } from "./errors.js";
import { nextTask, watchPage } from "./page.js";
import { Requests } from "./requests.js";
import { States } from "./states.js";

/** @typedef {import("./native.d.ts").Config} Config */
/** @typedef {ReturnType<typeof import("./options.js").readOptions>} Options */

// The states by the engine's numbers, from 1.
const states = /** @type {const} */ (["connected", "disconnected", "reconnecting", "resumed", "connecting"]);
const stateOf = (/** @type {number} */ number) => states[number - 1] ?? "disconnected";

export class Connection {
  #inst;
  /** @type {Pick<import("./native.d.ts").Native, "connect">} */
  #engine;
  #incoming;
  #raw;
  #states;
  #away;
  #auths;
  requests;

  /** The name that the handlers which run now see: changes that arrived behind their message come later. */
  name;
  /** @type {string[]} the groups when the client ended */
  #lastGroups = [];
  /** @type {(string | HisockError)[]} the refused groups when the client ended */
  #lastRefused = [];

  /** Removes the listeners on the page when it aborts. */
  #unlisten = new AbortController();
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

  /** @type {Promise<HisockError | null>} */
  closed;
  /** @type {(why: HisockError | null) => void} */
  #resolveClosed = () => {};

  /**
   * @param {import("./engines.js").Engine} inst
   * @param {Options} options
   * @param {import("./incoming.js").Incoming} incoming
   * @param {import("./inbox.js").Inbox<Uint8Array>} raw
   */
  constructor(inst, options, incoming, raw) {
    this.#inst = inst;
    this.#incoming = incoming;
    this.#raw = raw;
    this.#engine = options.debug?.(inst.native) ?? inst.native;
    this.#states = new States(incoming, options.config.url);
    this.#away = new Away(options);
    this.#auths = new Auths(options.auth);
    this.requests = new Requests(inst, incoming);
    this.name = options.config.name;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** The client in the engine. Nothing while the client is away, and after its end. */
  get native() {
    return this.#incoming.native;
  }

  set native(native) {
    this.#incoming.native = native;
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
      const away = this.#away;
      const native = this.#engine.connect(away.config, this.#sink());
      if (!native || native instanceof Error) {
        away.putBack();
        away.end();
        reject(native ?? this.#inst.ended ?? new HisockError("crashed", "the Go program of this page is gone"));
        return;
      }
      if (!this.#over) this.native = native; // if it has ended at once, its methods must not be called
      const unwatch = this.#inst.onEnd((why) => {
        this.#unlisten.abort();
        this.native = undefined; // the engine is gone
        this.#states.hurry();
        this.#incoming.push(() => this.#end(why));
      });
      this.closed.then(unwatch);

      const abort = () => {
        this.#states.hurry();
        this.#isDecided = true;
        this.#settle(signal.reason); // before the engine reports an error of its own
        this.native?.close();
      };
      signal.addEventListener("abort", abort, { once: true });
      watchPage(this.#unlisten.signal, {
        retry: () => this.retryNow(),
        offline: () => this.native?.offline(),
        leave: (mayReturn) => away.leave(this, mayReturn),
        show: () => void (away.show(this) || this.retryNow()),
      });
      outcome.then((err) => {
        signal.removeEventListener("abort", abort);
        if (err !== undefined) {
          // If the server has not answered, the next connect of the page may go on with the session.
          if (!(err instanceof HisockError && err.remote)) away.putBack();
          this.native?.begin();
          reject(signal.aborted ? signal.reason : err);
          return;
        }
        this.#earlyRaw = away.raw;
        away.connected();
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
      state: (number, name, why) => {
        if (this.#heard !== sink) return;
        const state = stateOf(number);
        if (!this.#isDecided && /^(connected|resumed)$/.test(state)) {
          this.#isDecided = true;
          this.#states.hurry();
          incoming.push(() => {
            if (this.#settle(undefined)) incoming.hold(); // until #begin: the page is given its client first
          });
        }
        this.#changed(state, name, why ?? null);
      },
      warn: (message, ...args) => incoming.warn(message, args),
      command: (command, payload, replayed) => incoming.command(command, payload, replayed),
      raw: (payload, replayed) => incoming.rawMessage(payload, replayed),
      replay: (hook, group, messages, missed, lost) => {
        incoming.push(() => void incoming.tell(hook, { group, messages, missed, lost }));
      },
      called: (id, command, payload) => incoming.called(id, command, payload),
      streamed: (stream, name, arg) => incoming.streamed(stream, name, arg),
      auth: (id) => void this.#auths.ask(id, () => (this.#heard === sink ? this.native : undefined)),
      cancelled: (id) => void (this.#auths.cancel(id) || incoming.cancelled(id)),
      settled: (id, err, payload) => {
        if (this.#heard === sink) incoming.push(() => this.requests.settle(id, err, payload));
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
        if (this.#heard !== sink || (err?.code === "name_taken" && this.#away.tryAgain(this))) return;
        this.#over = true;
        // The engine can be asked for the name and the groups only now. The page is told of the end in order.
        this.#forgetNative();
        this.#states.hurry();
        /** @type {unknown} */
        let outcome = err ?? new HisockError("closed", "closed while connecting");
        if (err && this.state === "connecting") outcome = this.#states.explain(err);
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
    const { native } = this;
    this.#incoming.release();
    this.#begun = true;
    for (const bytes of this.#earlyRaw.splice(0)) this.#incoming.rawMessage(bytes, false);
    const missed = this.#earlyMissed;
    if (missed > 0) this.#incoming.push(() => void this.#incoming.tell("missed", missed));
    if (!native) return; // the page was left at once, or the client has ended
    native.begin();
    if (!this.resumed) return;
    const there = this.groups;
    for (const group of groups) {
      if (there.includes(group)) continue;
      this.change(0, group, "", {}).catch((err) => this.#incoming.report(err));
    }
  }

  get state() {
    return this.#states.now;
  }

  get resumed() {
    return this.#states.resumed;
  }

  /** How many bytes wait to be written. */
  get bufferedAmount() {
    return this.native?.waiting() ?? 0;
  }

  /** The last time to the server and back that was measured, in milliseconds. */
  get rtt() {
    return this.native?.rtt() ?? 0;
  }

  get groups() {
    return this.native?.groups() ?? [...this.#lastGroups];
  }

  get refusedGroups() {
    const flat = this.native?.refusedGroups() ?? this.#lastRefused;
    const list = [];
    for (let i = 0; i < flat.length; i += 2) {
      list.push({ group: /** @type {string} */ (flat[i]), why: /** @type {HisockError} */ (flat[i + 1]) });
    }
    return list;
  }

  /**
   * Asks for a group or another name, and resolves once the client has it.
   *
   * @param {0 | 1 | 2} how
   * @param {string} name
   * @param {string} what
   * @param {import("./hisock.d.ts").WaitOptions} options
   */
  change(how, name, what, options) {
    // In turn with the renames that the page is told of.
    const done = how === 2 ? () => void (this.name = name) : undefined;
    return this.requests.ask(what, options, (native, id) => native.change(id, how, name), done);
  }

  retryNow() {
    this.native?.retryNow();
  }

  async close() {
    const { isAway } = this.#away;
    if (isAway) this.forget();
    this.#incoming.mute();
    this.native?.close();
    if (isAway) this.#end(null);
    await this.closed;
  }

  /**
   * Handles a state that the engine reports. With "disconnected" the engine does not say whether the client comes back.
   *
   * @param {import("./hisock.d.ts").State | "resumed"} state
   * @param {string} name
   * @param {HisockError | null} why
   */
  #changed(state, name, why) {
    const told = this.#states;
    if (!this.#begun) this.name = name;
    else this.#incoming.push(() => (this.name = name));
    if (this.#away.isAway) {
      const returned = this.#away.returned(state);
      if (!returned) return;
      state = returned;
      if (state === "connected") told.part(new HisockError("conn_lost", "the session is over"));
    }
    if (state === "disconnected") {
      told.part(why);
      // Calls that have arrived belong to the connection that has ended: calls of the next one come later.
      this.#incoming.abandonCalls(why ?? new HisockError("closed", "the connection has ended"));
      return;
    }
    if (state === "connected" && this.native) this.#away.joined(this.native);
    if (state === "reconnecting" && !told.isParted) nextTask(() => this.#hurry(6));
    told.tell(state, why);
  }

  /**
   * Lets a client whose session waits at the server try again while the page is hidden. Timers of such a page are late, by a
   * second or a minute, and the session might be over before.
   *
   * @param {number} times
   */
  #hurry(times) {
    if (times === 0 || this.state !== "reconnecting" || this.#states.isParted || !globalThis.document?.hidden) return;
    this.retryNow();
    AbortSignal.timeout(5000).addEventListener("abort", () => this.#hurry(times - 1)); // it may be late too
  }

  // What away.js needs.

  /** Raw messages that have arrived and that nobody has taken. */
  get raw() {
    return [...this.#earlyRaw, ...this.#raw.kept];
  }

  /** Hears nothing more of the client in the engine. */
  forget() {
    this.#heard = undefined;
  }

  /** Hears nothing more at all: the page is left for good. */
  leave() {
    this.#incoming.stop();
    this.#unlisten.abort();
  }

  /**
   * Goes on without a client in the engine, until comeBack. The calls under way are given up.
   *
   * @param {HisockError} why
   */
  lose(why) {
    this.native = undefined;
    this.#incoming.abandonCalls(why);
    this.#states.tell("reconnecting", why);

    this.#incoming.push(this.requests.giveUp(why));
  }

  /**
   * Connects again.
   *
   * @param {Config} config
   * @param {Uint8Array[]} raw messages that the page has not handled
   */
  comeBack(config, raw) {
    const native = this.#engine.connect(config, this.#sink());
    if (!native || native instanceof Error) {
      this.#end(native ?? this.#inst.ended ?? null);
      return;
    }
    this.native = native;
    for (const bytes of raw) this.#incoming.rawMessage(bytes, false);
    native.begin();
  }

  // The end.

  #forgetNative() {
    this.#lastGroups = this.groups;
    this.#lastRefused = this.native?.refusedGroups() ?? this.#lastRefused;
    this.native = undefined;
  }

  /**
   * Ends the client. Calls, waits and closed are settled behind all that the page is told.
   *
   * @param {HisockError | null} why
   * @param {unknown} [outcome] of connect, if connect has not been settled
   */
  #end(why, outcome = why) {
    this.native = undefined;
    this.#away.end();
    this.#unlisten.abort();
    const err = why ?? new HisockError("closed", "the connection was closed");
    this.#incoming.abandonCalls(err);
    this.#states.tell("disconnected", why);
    this.#incoming.push(() => {
      this.#settle(outcome);
      this.requests.end(err);
      this.#raw.end(err);
      this.#resolveClosed(why);
    });
  }
}
