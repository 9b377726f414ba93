// One connection of a page: handlers and promises on this side, the protocol in Go.

import { HisockError, describe, needFunction, needOptions, needSignal, needString, needTimeout, numberOf } from "./errors.js";
import { bytesOf, decodeReply, encode, needAs } from "./payload.js";
import { Incoming } from "./incoming.js";
import { KeptSession } from "./kept.js";
import { readAuth } from "./options.js";
import { RawInbox } from "./raw.js";

/** @typedef {import("./hisock.d.ts").Client} ClientType */
/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./native.d.ts").NativeClient} NativeClient */
/** @typedef {Awaited<ReturnType<typeof import("./instance.js").instance>>} Instance */
/** @typedef {ReturnType<typeof import("./options.js").readOptions>} Options */

// As Go numbers them, from 1.
const states = /** @type {const} */ (["connected", "disconnected", "reconnecting", "resumed", "connecting"]);

/** @implements {ClientType} */
export class Client {
  /** @type {Instance} */
  #inst;
  #as;
  #notices;

  /** @type {NativeClient | undefined} until the connection has ended */
  #native;

  /** @type {import("./hisock.d.ts").State} */
  #state = "connecting";
  #name;
  /** @type {string[]} what they were when the connection ended */
  #lastGroups = [];
  /** @type {(string | HisockError)[]} */
  #lastRefused = [];

  /** @type {HisockError | null | undefined} of an end that is told once it is known whether it is the last */
  #parted;
  /** Takes the listeners of the page away. */
  #unlisten = new AbortController();

  /** @type {KeptSession | undefined} */
  #kept;
  #resumed = false;
  /** @type {Uint8Array[]} raw messages of the page before, until the first frames are let through */
  #earlyRaw = [];
  #earlyMissed = 0; // frames, until then
  #begun = false;

  #auth;
  /** @type {Map<number, AbortController>} what the page is asked for its auth */
  #auths = new Map();

  /** @type {Incoming} */
  #incoming;
  #raw = new RawInbox();

  #nextCall = 1;
  /** @type {Map<number, (err: HisockError | undefined, payload: Uint8Array | undefined) => void>} */
  #calls = new Map();

  /** @type {Promise<HisockError | null>} */
  closed;
  /** @type {(why: HisockError | null) => void} */
  #resolveClosed = () => {};

  /**
   * Connects. It resolves once the server has welcomed the client.
   *
   * @param {Instance} inst
   * @param {Options} options
   * @param {AbortSignal} signal
   */
  static async open(inst, options, signal) {
    const client = new Client(inst, options);
    await client.#open(options, signal);
    return client;
  }

  /**
   * @param {Instance} inst
   * @param {Options} options
   */
  constructor(inst, options) {
    this.#inst = inst;
    this.#as = options.as;
    this.#name = options.config.name;
    this.#notices = options.config.notices;
    this.#auth = options.auth;
    this.#incoming = new Incoming(this.#raw, options.log);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    for (const { command, fn, options: more } of options.on) this.on(command, fn, more);
    for (const { command, fn, options: more } of options.handle) this.handle(command, fn, more);
    for (const { hook, fn } of options.hooks) this[hook](fn);
  }

  /**
   * @param {Options} options
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  #open(options, signal) {
    return new Promise((resolve, reject) => {
      const { promise: outcome, resolve: settle } = deferred();
      const incoming = this.#incoming;
      const kept = options.keepAs === undefined ? undefined : new KeptSession(options.keepAs, this.#name);
      this.#kept = kept;
      const config = kept ? { ...options.config, session: kept.session } : options.config;
      let over = false;
      const native = this.#inst.native.connect(config, {
        state: (state, name, why) => {
          this.#changed(state, name, why);
          if (this.#state === "connected") settle(undefined);
        },
        warn: (message, ...args) => incoming.warn(message, args),
        command: (command, payload, replayed) => incoming.command(command, payload, replayed),
        raw: (payload, replayed) => incoming.rawMessage(payload, replayed),
        replay: (hook, group, messages, missed, lost) => {
          incoming.push(() => void incoming.tell(hook, { group, messages, missed, lost }));
        },
        called: (id, command, payload) => incoming.called(id, command, payload),
        auth: (id) => void this.#authorize(id),
        cancelled: (id) => {
          const auth = this.#auths.get(id);
          if (!auth) incoming.cancelled(id);
          else auth.abort(new HisockError("canceled", "the auth is not needed any more"));
        },
        settled: (id, err, payload) => incoming.push(() => this.#calls.get(id)?.(err, payload)),
        changed: (hook, what, name) => {
          if (hook === "rename") this.#name = name; // for when there is nobody left to ask
          incoming.push(() => void (hook === "rename" ? incoming.tell(hook, what, name) : incoming.tell(hook, what)));
        },
        undelivered: (list) => {
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
          over = true;
          // What Go can no longer be asked is asked now; the page hears of it in order.
          this.#forgetNative();
          settle(err ?? new HisockError("closed", "closed while connecting"));
          incoming.push(() => this.#end(err ?? null));
        },
      });
      if (native instanceof Error) {
        reject(native);
        return;
      }
      if (!native) {
        kept?.putBack();
        kept?.release();
        reject(this.#inst.ended ?? new HisockError("crashed", "the Go program of this page is gone"));
        return;
      }
      if (!over) { // else it has failed at once, and there is nobody left to ask
        this.#native = native;
        incoming.native = native;
      }
      const unwatch = this.#inst.onEnd((why) => {
        this.#unlisten.abort();
        this.#native = undefined; // there is nobody left to ask
        incoming.native = undefined;
        settle(why);
        incoming.push(() => this.#end(why));
      });
      this.closed.then(unwatch);

      const abort = () => {
        settle(signal.reason); // before what Go makes of it
        this.#native?.close();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#listen();
      outcome.then((err) => {
        signal.removeEventListener("abort", abort);
        if (err !== undefined) {
          // Where the server has not answered, the next attempt of the page may go on.
          if (!(err instanceof HisockError && err.remote)) kept?.putBack();
          this.#native?.begin();
          reject(err);
          return;
        }
        this.#earlyRaw = kept?.raw ?? [];
        kept?.connected();
        resolve();
        // Whoever awaits the connection has its turn first, to register handlers.
        nextTask(() => this.#begin(options.config.groups));
      });
    });
  }

  /**
   * Lets frames through, behind what the page before had got.
   *
   * @param {string[]} groups that the client wants to be in
   */
  #begin(groups) {
    if (!this.#native) return;
    this.#begun = true;
    for (const bytes of this.#earlyRaw.splice(0)) this.#incoming.rawMessage(bytes, false);
    const missed = this.#earlyMissed;
    if (missed > 0) this.#incoming.push(() => void this.#incoming.tell("missed", missed));
    this.#native.begin();
    if (!this.#resumed) return;
    const there = this.groups;
    for (const group of groups) {
      if (!there.includes(group)) this.join(group).catch((err) => this.#incoming.report(err));
    }
  }

  /**
   * Asks the page what proves who it is, for Go.
   *
   * @param {number} id
   */
  async #authorize(id) {
    const abort = new AbortController();
    this.#auths.set(id, abort);
    await undefined; // never from inside Go
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

  get name() {
    return this.#native ? this.#native.name() : this.#name;
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

  get state() {
    return this.#state;
  }

  get resumed() {
    return this.#resumed;
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As }} [options]
   */
  on(command, fn, options = {}) {
    this.#checkCommand(command);
    needFunction(`handler of "${command}"`, fn);
    needOptions(`on "${command}"`, options, ["as"]);
    return this.#incoming.on(command, fn, needAs(`on "${command}"`, options.as, this.#as));
  }

  /**
   * @param {string} command
   * @param {Function} [fn]
   */
  off(command, fn) {
    needString("command", command);
    if (fn !== undefined) needFunction(`handler of "${command}"`, fn);
    this.#incoming.off(command, fn);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {{ as?: As }} [options]
   */
  handle(command, fn, options = {}) {
    this.#checkCommand(command);
    needFunction(`handler of calls of "${command}"`, fn);
    needOptions(`handle "${command}"`, options, ["as"]);
    return this.#incoming.handle(command, fn, needAs(`handle "${command}"`, options.as, this.#as));
  }

  /** @param {Function} fn */
  onRaw(fn) {
    return this.#incoming.hook("raw", fn);
  }

  /** @param {Function} fn */
  onMessage(fn) {
    return this.#incoming.hook("message", fn);
  }

  /** @param {Function} fn */
  onState(fn) {
    return this.#incoming.hook("state", fn);
  }

  /** @param {Function} fn */
  onError(fn) {
    return this.#incoming.hook("error", fn);
  }

  /** @param {Function} fn */
  onMissed(fn) {
    return this.#incoming.hook("missed", fn);
  }

  /** @param {Function} fn */
  onReplay(fn) {
    return this.#incoming.hook("replay", fn);
  }

  /** @param {Function} fn */
  onReplayed(fn) {
    return this.#incoming.hook("replayed", fn);
  }

  /** @param {Function} fn */
  onUndelivered(fn) {
    return this.#incoming.hook("undelivered", fn);
  }

  /** @param {Function} fn */
  onClientConnect(fn) {
    this.#needNotices("clientConnect", fn);
    return this.#incoming.hook("clientConnect", fn);
  }

  /** @param {Function} fn */
  onClientDisconnect(fn) {
    this.#needNotices("clientDisconnect", fn);
    return this.#incoming.hook("clientDisconnect", fn);
  }

  /** @param {Function} fn */
  onClientRename(fn) {
    this.#needNotices("clientRename", fn);
    return this.#incoming.hook("clientRename", fn);
  }

  /** @param {Function} fn */
  onRename(fn) {
    return this.#incoming.hook("rename", fn);
  }

  /** @param {Function} fn */
  onJoinGroup(fn) {
    return this.#incoming.hook("joinGroup", fn);
  }

  /** @param {Function} fn */
  onLeaveGroup(fn) {
    return this.#incoming.hook("leaveGroup", fn);
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   */
  send(command, value) {
    needString("command", command);
    const payload = encode(`command "${command}"`, value);
    this.#do((native) => native.send(command, payload));
  }

  /** @param {unknown} bytes */
  sendRaw(bytes) {
    if (typeof bytes !== "string" && !bytesOf(bytes)) {
      throw new TypeError(`hisock: raw message: must be a string or bytes, not ${describe(bytes)}`);
    }
    const payload = encode("raw message", bytes);
    this.#do((native) => native.sendRaw(payload));
  }

  /** @param {import("./hisock.d.ts").DrainOptions} [options] */
  async drained(options = {}) {
    needOptions("drained", options, ["signal", "timeout"]);
    const { signal, timeout } = options;
    needSignal("drained: signal", signal);
    needTimeout("drained: timeout", timeout);
    signal?.throwIfAborted();
    await this.#ask(signal, timeout, `no room after ${timeout} ms`, (native, id) => native.drained(id));
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  async recvRaw(options = {}) {
    needOptions("recvRaw", options, ["signal"]);
    needSignal("recvRaw signal", options.signal);
    return this.#raw.take(options.signal);
  }

  /**
   * @param {string} command
   * @param {unknown} [value]
   * @param {{ as?: As, signal?: AbortSignal, timeout?: number }} [options]
   * @returns {Promise<any>}
   */
  async call(command, value, options = {}) {
    needString("command", command);
    needOptions(`call "${command}"`, options, ["as", "signal", "timeout"]);
    const as = needAs(`call "${command}"`, options.as, this.#as);
    const { signal, timeout } = options;
    needSignal(`call "${command}": signal`, signal);
    needTimeout(`call "${command}": timeout`, timeout);
    const payload = encode(`call "${command}"`, value);
    signal?.throwIfAborted();

    const late = `no reply to "${command}" after ${timeout} ms`;
    const reply = await this.#ask(signal, timeout, late, (native, id) => native.call(id, command, payload));
    return decodeReply(`reply to "${command}"`, reply, as);
  }

  /**
   * Asks the server for something and resolves with its reply. Whatever ends it first, the others
   * have no effect any more.
   *
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout
   * @param {string} tooLate what the error of a timeout says
   * @param {(native: NativeClient, id: number) => void} start
   * @returns {Promise<Uint8Array>}
   */
  #ask(signal, timeout, tooLate, start) {
    return new Promise((resolve, reject) => {
      const id = this.#nextCall++;
      const settle = (/** @type {unknown} */ err, /** @type {Uint8Array | undefined} */ reply) => {
        this.#calls.delete(id);
        signal?.removeEventListener("abort", abort);
        clearTimeout(timer);
        reply === undefined ? reject(err) : resolve(reply);
      };
      const giveUp = (/** @type {unknown} */ why) => {
        settle(why, undefined);
        this.#native?.cancel(id);
      };
      const abort = () => giveUp(signal?.reason);
      const late = () => giveUp(new HisockError("deadline_exceeded", tooLate));
      const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
      this.#calls.set(id, settle);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        this.#do((native) => start(native, id));
      } catch (err) {
        settle(err, undefined);
      }
    });
  }

  /**
   * @param {string} group
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  join(group, options) {
    return this.#change(0, "join", group, options);
  }

  /**
   * @param {string} group
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  leave(group, options) {
    return this.#change(1, "leave", group, options);
  }

  /**
   * @param {string} name
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  rename(name, options) {
    return this.#change(2, "rename", name, options);
  }

  /**
   * @param {0 | 1 | 2} how
   * @param {string} what
   * @param {string} name
   * @param {import("./hisock.d.ts").ChangeOptions} [options]
   */
  async #change(how, what, name, options = {}) {
    needString(how === 2 ? "name" : "group", name);
    needOptions(what, options, ["signal", "timeout"]);
    const { signal, timeout } = options;
    needSignal(`${what}: signal`, signal);
    needTimeout(`${what}: timeout`, timeout);
    signal?.throwIfAborted();
    const late = `${what} "${name}": no answer after ${timeout} ms`;
    await this.#ask(signal, timeout, late, (native, id) => native.change(id, how, name));
  }

  retryNow() {
    this.#native?.retryNow();
  }

  async close() {
    this.#native?.close();
    await this.closed;
  }

  /**
   * Asks Go to do something and throws what it objects.
   *
   * @param {(native: NativeClient) => HisockError | void} ask
   */
  #do(ask) {
    if (!this.#native) throw this.#notConnected();
    const err = ask(this.#native);
    if (err) throw err;
    if (this.#inst.ended) throw this.#inst.ended;
  }

  #notConnected() {
    return new HisockError("not_connected", `the connection of "${this.#name}" has ended`);
  }

  /** @param {string} command */
  #checkCommand(command) {
    needString("command", command);
    const err = this.#inst.native.checkCommand(command);
    if (err) throw err;
  }

  /**
   * Throws unless the page has asked for notices, and fn can take them.
   *
   * @param {string} hook
   * @param {unknown} fn
   */
  #needNotices(hook, fn) {
    needFunction(`handler of ${hook}`, fn);
    if (!this.#notices) {
      throw new HisockError("unsupported", "connect with { notices: true } to hear of other clients");
    }
  }

  /**
   * @param {import("./hisock.d.ts").State | "resumed"} state
   * @param {HisockError | null} why
   */
  #setState(state, why) {
    const now = state === "resumed" ? "connected" : state;
    if (now === this.#state && !(state === "connecting" && why)) return; // each attempt to connect that fails is told
    if (this.#state === "connecting") this.#resumed = state === "resumed";
    this.#state = now;
    this.#incoming.push(() => this.#incoming.tell("state", state, why));
  }

  /**
   * What Go says of the connection. Of an end it does not say whether the client comes back.
   *
   * @param {number} number
   * @param {string} name
   * @param {HisockError | undefined} why
   */
  #changed(number, name, why) {
    const state = states[number - 1] ?? "disconnected";
    this.#name = name;
    if (state === "disconnected") {
      this.#parted = why ?? null;
      // Those of the connection that may come next have not arrived yet.
      this.#incoming.abandonCalls(why ?? new HisockError("closed", "the connection has ended"));
      return;
    }
    const parted = this.#parted;
    if (parted !== undefined) {
      this.#parted = undefined;
      this.#setState("disconnected", parted);
    }
    this.#setState(state, why ?? null);
  }

  /** Lets the client come back as soon as the page can, and leave when the page does. */
  #listen() {
    const options = { signal: this.#unlisten.signal };
    const now = () => this.retryNow();
    globalThis.addEventListener?.("online", now, options);
    globalThis.addEventListener?.("pageshow", now, options);
    globalThis.document?.addEventListener("visibilitychange", now, options);
    globalThis.addEventListener?.("pagehide", (event) => {
      if (event.persisted) return; // the page may come back, and go on
      if (!this.#keep()) this.#native?.close();
    }, options);
  }

  /** Keeps the session for the next page. It returns false if it cannot be kept, or is not to be. */
  #keep() {
    const kept = this.#kept;
    const native = this.#native;
    if (!kept || !native) return false;
    const size = native.sessionBytes();
    if (size === 0) return kept.putBack(); // it is connecting, perhaps with what the page before has left
    const raw = [...this.#earlyRaw, ...this.#raw.kept];
    if (!kept.reserve(size, raw)) return false;
    this.#incoming.stop();
    this.#unlisten.abort();
    this.#native = undefined;
    return kept.store(native.detach(), raw);
  }

  #forgetNative() {
    if (!this.#native) return;
    this.#name = this.#native.name();
    this.#lastGroups = this.#native.groups();
    this.#lastRefused = this.#native.refusedGroups();
    this.#native = undefined;
    this.#incoming.native = undefined;
  }

  /** @param {HisockError | null} why */
  #end(why) {
    this.#unlisten.abort();
    this.#kept?.release();
    const err = why ?? new HisockError("closed", "the connection was closed");
    for (const settle of [...this.#calls.values()]) settle(err, undefined);
    this.#raw.end(err);
    this.#incoming.abandonCalls(err);
    this.#setState("disconnected", why);
    this.#resolveClosed(why);
  }
}

function deferred() {
  /** @type {(value: unknown) => void} */
  let resolve = () => {};
  const promise = new Promise((r) => (resolve = r));
  return { promise, resolve };
}

/**
 * Calls fn in a task of its own, after all that is now pending as microtasks. Timers
 * would be slowed down in a tab in the background.
 *
 * @param {() => void} fn
 */
function nextTask(fn) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    fn();
  };
  port2.postMessage(null);
}
