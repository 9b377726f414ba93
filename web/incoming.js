// The messages and events of one client. The page's handlers are given them one after the other, in the order of arrival.

import { HisockError, numberOf, reportError } from "./errors.js";
import { Handlers } from "./handlers.js";
import { Jobs } from "./jobs.js";
import { decode, encode, encodeDetails, isForCaller, unwrap } from "./payload.js";
import { serve } from "./streams.js";
import { Warnings } from "./warnings.js";

/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {{ fn: Function, as: As, once?: boolean }} Handler */
/** @typedef {import("./hooks.js").Hook} Hook */

export class Incoming extends Jobs {
  /** The client in the engine. @type {import("./native.d.ts").NativeClient | undefined} nothing while it is away, and after its end */
  native;

  #muted = false; // the page has closed the client

  /** @type {Map<string, Handlers<Handler>>} */
  #commands = new Map();
  /** @type {Map<string, Handler>} */
  #handlers = new Map();
  /** @type {Map<string, Handler>} */
  #streams = new Map();
  /** @type {Map<Hook, Handlers<Function>>} */
  #hooks = new Map();
  /** @type {Map<number, AbortController>} calls of the server that have no answer yet */
  #running = new Map();
  #raw;
  #warnings;
  /** Is called when a call of the server has been answered. */
  onAnswered = () => {};

  /**
   * @param {import("./inbox.js").Inbox<Uint8Array>} raw
   * @param {import("./hisock.d.ts").Log | false | undefined} log
   */
  constructor(raw, log) {
    super((err) => this.report(err));
    this.#raw = raw;
    this.#warnings = new Warnings(log);
  }

  /** Runs the jobs that have been queued, also if a handler calls it, and drops all later ones. @override */
  stop() {
    super.stop();
    this.native = undefined;
  }

  /** How many calls of the server have no answer yet. */
  get calls() {
    return this.#running.size;
  }

  /** Gives no handler a message any more: the page has closed the client. */
  mute() {
    this.#muted = true;
  }

  /**
   * Reports whether the command has a handler, so that its name is a good one.
   *
   * @param {string} command
   */
  knows(command) {
    return this.#commands.has(command);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {As} as
   * @param {boolean} once it is removed with the first payload that converts
   */
  on(command, fn, as, once) {
    const entry = { fn, as, once };
    const handlers = this.#commands.get(command) ?? new Handlers();
    this.#commands.set(command, handlers);
    handlers.add(entry);
    return () => this.#remove(command, entry);
  }

  /**
   * @param {string} command
   * @param {Function | undefined} fn
   */
  off(command, fn) {
    for (const h of this.#commands.get(command)?.list ?? []) {
      if (fn === undefined || h.fn === fn) this.#remove(command, h);
    }
  }

  /**
   * @param {string} command
   * @param {Handler} entry
   */
  #remove(command, entry) {
    const handlers = this.#commands.get(command);
    handlers?.delete(entry);
    if (handlers?.size === 0) this.#commands.delete(command);
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {As} as
   */
  handle(command, fn, as) {
    return this.#setHandler("calls of", this.#handlers, command, fn, as);
  }

  /**
   * @param {string} name
   * @param {Function} fn
   * @param {As} as
   */
  handleStream(name, fn, as) {
    return this.#setHandler("streams of", this.#streams, name, fn, as);
  }

  /**
   * @param {string} what
   * @param {Map<string, Handler>} handlers
   * @param {string} name
   * @param {Function} fn
   * @param {As} as
   */
  #setHandler(what, handlers, name, fn, as) {
    if (handlers.has(name)) throw new TypeError(`hisock: ${what} "${name}" already have a handler`);
    const entry = { fn, as };
    handlers.set(name, entry);
    return () => {
      if (handlers.get(name) === entry) handlers.delete(name);
    };
  }

  /**
   * Runs the handler of a stream that the server has opened.
   *
   * @param {import("./native.d.ts").NativeStream} stream
   * @param {string} name
   * @param {Uint8Array} bytes
   */
  streamed(stream, name, bytes) {
    this.push(() => {
      const handler = this.#muted ? undefined : this.#streams.get(name);
      void serve(stream, name, bytes, handler, (err) => this.report(err));
    });
  }

  /**
   * @param {Hook} hook
   * @param {Function} fn
   */
  hook(hook, fn) {
    // A new function for each registration: if fn is registered twice, removing one leaves the other.
    const entry = (/** @type {unknown[]} */ ...args) => fn(...args);
    const handlers = this.#hooks.get(hook) ?? new Handlers();
    this.#hooks.set(hook, handlers);
    handlers.add(entry);
    return () => handlers.delete(entry);
  }

  /**
   * Calls the handlers of a hook. It returns how many there are.
   *
   * @param {Hook} hook
   * @param {unknown[]} args
   */
  tell(hook, ...args) {
    const handlers = this.#hooks.get(hook);
    if (!handlers || (this.#muted && hook !== "state" && hook !== "undelivered")) return 0;
    const { list } = handlers;
    for (const fn of list) if (handlers.has(fn)) this.#run(() => fn(...args));
    return list.length;
  }

  /**
   * @param {string} command
   * @param {Uint8Array} bytes
   * @param {boolean} replayed
   */
  command(command, bytes, replayed) {
    this.push(() => {
      const handlers = this.#commands.get(command);
      for (const h of handlers?.list ?? []) {
        if (this.#muted || !handlers?.has(h)) continue;
        this.#run(() => {
          const value = decode(`payload of "${command}"`, bytes, h.as);
          if (h.once) this.#remove(command, h);
          return h.fn(value, { command, bytes, replayed });
        });
      }
      const heard = this.tell("message", { kind: "command", command, bytes, replayed });
      if (!handlers && heard === 0 && !this.#muted) {
        this.report(new HisockError("unknown_command", `nobody handles the command "${command}"`));
      }
    });
  }

  /**
   * @param {Uint8Array} bytes
   * @param {boolean} replayed
   */
  rawMessage(bytes, replayed) {
    this.push(() => {
      if (this.#muted || this.#raw.offer(bytes)) return;
      let heard = this.tell("raw", bytes, { replayed });
      heard += this.tell("message", { kind: "raw", command: "", bytes, replayed });
      if (heard === 0 && !this.#raw.keep(bytes, bytes.length)) {
        this.report(new HisockError("queue_full", "a raw message was dropped: too many wait for recvRaw"));
      }
    });
  }

  /**
   * @param {"clientConnect" | "clientDisconnect" | "clientRename"} hook
   * @param {import("./hisock.d.ts").Presence} who
   * @param {string} old
   */
  notice(hook, who, old) {
    this.push(() => void (hook === "clientRename" ? this.tell(hook, old, who) : this.tell(hook, who)));
  }

  /**
   * Answers a call of the server with what its handler returns or resolves to.
   *
   * @param {number} id
   * @param {string} command
   * @param {Uint8Array} bytes
   */
  called(id, command, bytes) {
    const abort = new AbortController();
    this.#running.set(id, abort);
    const isOpen = () => this.#running.get(id) === abort; // another client's call may have the same id later
    this.push(async () => {
      if (this.#muted || !isOpen()) return;
      try {
        const handler = this.#handlers.get(command);
        if (!handler) throw new HisockError("unknown_command", `the page does not handle "${command}"`);
        const value = decode(`payload of "${command}"`, bytes, handler.as);
        const result = await handler.fn(value, { command, bytes, signal: abort.signal });
        const answer = encode(`answer to "${command}"`, await unwrap(result));
        if (isOpen()) this.native?.answer(id, answer);
      } catch (err) {
        if (isOpen()) this.#refuse(id, err); // otherwise the caller has given up, so the handler may fail
      } finally {
        if (isOpen()) this.#running.delete(id);
        this.onAnswered();
      }
    });
  }

  /**
   * Refuses a call because of an error. The caller is told everything of a HisockError but its cause. Of any other
   * failure, such as an answer that cannot be sent, the caller is only told that the handler failed.
   *
   * @param {number} id
   * @param {unknown} err
   */
  #refuse(id, err) {
    if (isForCaller(err)) {
      const wait = Math.min(Math.max(Math.ceil(err.retryAfter) || 0, 0), 0x7fffffff);
      let details;
      try {
        details = encodeDetails(err.details);
      } catch (why) {
        this.report(why); // the error is sent without details
      }
      this.native?.refuse(id, numberOf(err.code), err.message, wait, details);
      return;
    }
    this.native?.refuse(id, numberOf("internal"), "the handler failed", 0, undefined);
    this.report(err);
  }

  /** @param {number} id */
  cancelled(id) {
    this.push(() => {
      const abort = this.#running.get(id);
      this.#running.delete(id);
      abort?.abort(new HisockError("canceled", "the caller gave up"));
      this.onAnswered();
    });
  }

  /**
   * Gives up the calls that have arrived so far.
   *
   * @param {HisockError} why
   */
  abandonCalls(why) {
    const calls = [...this.#running];
    this.#running.clear();
    this.push(() => {
      calls.forEach(([, abort]) => abort.abort(why));
      this.onAnswered();
    });
  }

  /**
   * Runs one handler, and reports its error if it fails, at once or later.
   *
   * @param {() => unknown} fn
   */
  #run(fn) {
    try {
      const result = /** @type {any} */ (fn());
      if (typeof result?.then === "function") Promise.resolve(result).catch((err) => this.report(err));
    } catch (err) {
      this.report(err);
    }
  }

  /**
   * Shows a warning of the engine.
   *
   * @param {string} message
   * @param {(string | number)[]} args
   */
  warn(message, args) {
    this.push(() => this.#warnings.pairs(message, args));
  }

  /**
   * Reports an error that no caller can be told.
   *
   * @param {unknown} err
   */
  report(err) {
    const fns = this.#hooks.get("error")?.list ?? [];
    if (fns.length === 0) {
      if (err instanceof HisockError) this.#warnings.error(err);
      else reportError(err);
      return;
    }
    for (const fn of fns) {
      try {
        fn(err);
      } catch (second) {
        reportError(second);
      }
    }
  }
}
