// What a page asks its client to do, and what the page waits for.

import { Calls, unlessAborted } from "./calls.js";
import { HisockError } from "./errors.js";
import { Stream } from "./streams.js";

/** @typedef {import("./native.d.ts").NativeClient} NativeClient */
/** @typedef {import("./hisock.d.ts").WaitOptions} WaitOptions */

export class Requests {
  #inst;
  #incoming;
  /** What the server was asked for. */
  #calls = new Calls();
  /** What the page waits for otherwise. */
  #waits = new Calls();
  #draining = false; // the page sends nothing more
  /** What all who drain wait for. @type {Promise<void> | undefined} */
  #drained;

  /**
   * @param {import("./engines.js").Engine} inst
   * @param {import("./incoming.js").Incoming} incoming
   */
  constructor(inst, incoming) {
    this.#inst = inst;
    this.#incoming = incoming;
  }

  /** The client in the engine. */
  get #native() {
    const { native } = this.#incoming;
    if (native) return native;
    throw new HisockError("not_connected", "the client has ended, or its page is away");
  }

  /**
   * Asks the engine to do something, and throws the error that it returns.
   *
   * @param {(native: NativeClient) => HisockError | void} what
   */
  do(what) {
    const native = this.#native;
    if (this.#draining) throw new HisockError("closed", "the client is being closed");
    const err = what(native);
    if (err) throw err;
    if (this.#inst.ended) throw this.#inst.ended;
  }

  /**
   * Asks the server for something and resolves with its reply.
   *
   * @param {string} what
   * @param {WaitOptions} options
   * @param {(native: NativeClient, id: number) => void} start
   * @param {() => void} [done] is called with a reply, before the promise resolves
   */
  ask(what, options, start, done) {
    return this.#calls.ask(
      what, options,
      (id) => this.do((native) => start(native, id)),
      (id) => this.#incoming.native?.cancel(id),
      done,
    );
  }

  /**
   * Resolves with what start passes on, and rejects if the client ends before.
   *
   * @param {string} what
   * @param {WaitOptions} options
   * @param {(settle: (err: unknown, value?: unknown) => void) => void} start
   */
  wait(what, options, start) {
    return this.#waits.ask(what, options, (id) => {
      void this.#native;
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
    if (!this.#drained) {
      const drained = this.wait("drain", {}, (settle) => {
        this.#calls.onEnd = this.#incoming.onAnswered = () => {
          if (this.#calls.size + this.#incoming.calls === 0) settle(undefined);
        };
        this.#calls.onEnd();
      });
      const forget = () => (this.#drained = undefined);
      drained.then(forget, forget);
      this.#drained = drained;
    }
    return unlessAborted(this.#drained, signal);
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
    const stream = this.#native.openStream(name, arg, silent, carries);
    if (stream instanceof Error) throw stream;
    return new Stream(stream, signal);
  }

  /**
   * Settles what the server was asked for.
   *
   * @param {number} id
   * @param {HisockError | undefined} err
   * @param {Uint8Array | undefined} reply
   */
  settle(id, err, reply) {
    this.#calls.settle(id, err, reply);
  }

  /**
   * Returns a function that gives up what the server has been asked for so far.
   *
   * @param {HisockError} why
   */
  giveUp(why) {
    const { last } = this.#calls;
    return () => this.#calls.end(why, last);
  }

  /** @param {HisockError} why */
  end(why) {
    this.#calls.end(why);
    this.#waits.end(why);
  }
}
