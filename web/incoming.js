// The frames and events of one client. The page's handlers are given them one after the other, in
// the order of arrival. Handlers never run inside a call from the engine: frames and events are queued, and the queue is
// worked off as soon as the engine has returned.

import { HisockError, needFunction, numberOf, reportError } from "./errors.js";
import { nextTask } from "./page.js";
import { decode, encode, encodeDetails, isForCaller } from "./payload.js";
import { serve } from "./streams.js";
import { Warnings } from "./warnings.js";

/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {{ fn: Function, as: As }} Handler */
/** @typedef {"raw" | "message" | "state" | "error" | "missed" | "replay" | "replayed" | "undelivered" | "clientConnect" | "clientDisconnect" | "clientRename" | "rename" | "joinGroup" | "leaveGroup"} Hook */

// How long handlers may keep the page from its turn, in milliseconds, and how many jobs may wait for the next one. If more
// wait, the page does not keep up with its server, and is the server to feel it.
const slice = 8;
const maxLate = 20_000;

export class Incoming {
  /** @type {import("./native.d.ts").NativeClient | undefined} */
  native;

  /** @type {(() => void)[]} */
  #queue = [];
  #next = 0; // index in #queue of the job that runs next
  #scheduled = false;
  #stopped = false;

  /** @type {Map<string, Handler[]>} */
  #commands = new Map();
  /** @type {Map<string, Handler>} */
  #handlers = new Map();
  /** @type {Map<string, Handler>} */
  #streams = new Map();
  /** @type {Map<Hook, Function[]>} */
  #hooks = new Map();
  /** @type {Map<number, AbortController>} calls of the server that have no answer yet */
  #running = new Map();
  #raw;
  #warnings;

  /**
   * @param {import("./raw.js").RawInbox} raw
   * @param {import("./hisock.d.ts").Log | false | undefined} log
   */
  constructor(raw, log) {
    this.#raw = raw;
    this.#warnings = new Warnings(log);
  }

  /**
   * Queues job. If a job throws, the others run all the same.
   *
   * @param {() => void} job
   */
  push(job) {
    if (this.#stopped) return;
    this.#queue.push(job);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#drain());
  }

  /**
   * Runs the jobs. After a while the page has its turn, to draw and to hear its user, unless too many jobs wait.
   *
   * @param {boolean} [all] all are run now
   */
  #drain(all = false) {
    const end = performance.now() + slice;
    while (this.#next < this.#queue.length) {
      try {
        this.#queue[this.#next++]?.();
      } catch (err) {
        this.report(err);
      }
      if (all || performance.now() < end || this.#next === this.#queue.length || this.#queue.length - this.#next > maxLate) continue;
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
      nextTask(() => this.#drain());
      return;
    }
    this.#queue = [];
    this.#next = 0;
    this.#scheduled = false;
  }

  /** Runs the jobs that have been queued, also if a handler calls it, and drops all later ones. */
  stop() {
    this.#drain(true);
    this.#stopped = true;
    this.native = undefined;
  }

  /**
   * @param {string} command
   * @param {Function} fn
   * @param {As} as
   */
  on(command, fn, as) {
    const entry = { fn, as };
    this.#commands.set(command, [...(this.#commands.get(command) ?? []), entry]);
    return () => this.#remove(command, (h) => h === entry);
  }

  /**
   * @param {string} command
   * @param {Function | undefined} fn
   */
  off(command, fn) {
    this.#remove(command, (h) => fn === undefined || h.fn === fn);
  }

  /**
   * @param {string} command
   * @param {(h: Handler) => boolean} gone
   */
  #remove(command, gone) {
    const left = (this.#commands.get(command) ?? []).filter((h) => !gone(h));
    if (left.length > 0) this.#commands.set(command, left);
    else this.#commands.delete(command);
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
    this.push(() => void serve(stream, name, bytes, this.#streams.get(name), (err) => this.report(err)));
  }

  /**
   * @param {Hook} hook
   * @param {Function} fn
   */
  hook(hook, fn) {
    needFunction(`handler of ${hook}`, fn);
    // A new function for each registration: if fn is registered twice, removing one leaves the other.
    const entry = (/** @type {unknown[]} */ ...args) => fn(...args);
    this.#hooks.set(hook, [...(this.#hooks.get(hook) ?? []), entry]);
    return () => {
      this.#hooks.set(hook, (this.#hooks.get(hook) ?? []).filter((f) => f !== entry));
    };
  }

  /**
   * Calls the handlers of a hook. It returns how many there are.
   *
   * @param {Hook} hook
   * @param {unknown[]} args
   */
  tell(hook, ...args) {
    const fns = this.#hooks.get(hook) ?? [];
    for (const fn of fns) this.#run(() => fn(...args));
    return fns.length;
  }

  /**
   * @param {string} command
   * @param {Uint8Array} bytes
   * @param {boolean} replayed
   */
  command(command, bytes, replayed) {
    this.push(() => {
      const handlers = this.#commands.get(command) ?? [];
      for (const { fn, as } of handlers) {
        this.#run(() => fn(decode(`payload of "${command}"`, bytes, as), { command, bytes, replayed }));
      }
      const heard = this.tell("message", { kind: "command", command, bytes, replayed });
      if (handlers.length + heard === 0) {
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
      if (this.#raw.offer(bytes)) return;
      let heard = this.tell("raw", bytes, { replayed });
      heard += this.tell("message", { kind: "raw", command: "", bytes, replayed });
      if (heard === 0 && !this.#raw.keep(bytes)) {
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
    this.push(async () => {
      try {
        const handler = this.#handlers.get(command);
        if (!handler) throw new HisockError("unknown_command", `the page does not handle "${command}"`);
        const value = decode(`payload of "${command}"`, bytes, handler.as);
        const result = await handler.fn(value, { command, bytes, signal: abort.signal });
        const answer = encode(`answer to "${command}"`, result);
        if (this.#running.has(id)) this.native?.answer(id, answer);
      } catch (err) {
        this.#refuse(id, err);
      } finally {
        this.#running.delete(id);
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
    if (!this.#running.has(id)) return; // the caller has given up, so the handler may fail
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
    this.push(() => calls.forEach(([, abort]) => abort.abort(why)));
  }

  /**
   * Runs one handler, and reports its error if it fails, at once or later.
   *
   * @param {() => unknown} fn
   */
  #run(fn) {
    try {
      const result = fn();
      if (result instanceof Promise) result.catch((err) => this.report(err));
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
    const fns = this.#hooks.get("error") ?? [];
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
