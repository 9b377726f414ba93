// Streams as a page uses them: what an engine does at once is waited for here, and values become payloads.

import { HisockError, describe, needOptions, needSignal, numberOf } from "./errors.js";
import { bytesOf, decode, decodeReply, encode, encodeDetails, isForCaller } from "./payload.js";

/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./native.d.ts").NativeStream} NativeStream */
/** @typedef {AsyncIterator<unknown> | Iterator<unknown>} Source */

/** @param {import("./hisock.d.ts").ErrorCode} code @param {string} reason */
const end = (code, reason) => ({ code: numberOf(code), reason, retryAfter: 0, details: undefined });

/**
 * Returns what the server is told of an error: everything of a HisockError, and of another one only otherwise.
 *
 * @param {unknown} err
 * @param {import("./native.d.ts").StreamEnd} otherwise
 */
function endOf(err, otherwise) {
  if (!isForCaller(err)) return otherwise;
  let details;
  try {
    details = encodeDetails(err.details);
  } catch {} // the error is sent without details
  return { code: numberOf(err.code), reason: err.message, retryAfter: Math.min(Math.max(Math.ceil(err.retryAfter) || 0, 0), 0x7fffffff), details };
}

const givenUp = () => new HisockError("canceled", "the stream was given up");

/** How many bytes a server may send to a page that has sent all, and has dropped the stream. */
const mostDropped = 256 << 10;

/**
 * Streams that the page still refers to, by the objects whose end would show that it does not. A stream does not refer to
 * these objects, unless it is being waited for.
 *
 * @type {FinalizationRegistry<{ s: Stream | undefined, holders: number }>}
 */
const held = new FinalizationRegistry((by) => {
  if (--by.holders === 0) by.s?.forget();
});

export class Stream {
  native;
  #signal;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {{ reason: unknown } | undefined} why this side has ended the stream */
  #aborted;
  #finished = false;
  /** @type {Source | undefined} */
  #source;
  /** Is called when the other end has ended the stream. @type {(why: HisockError) => void} */
  onRefused = () => {};

  /**
   * @param {NativeStream} native
   * @param {AbortSignal} [signal]
   */
  constructor(native, signal) {
    this.native = native;
    this.#signal = signal;
    native.onChange = () => {
      for (const wake of this.#waiting.splice(0)) wake();
      if (native.refused) this.onRefused(native.refused);
    };
    signal?.addEventListener("abort", this.#abortBySignal);
    if (signal?.aborted) this.#abortBySignal();
  }

  #abortBySignal = () => this.abort(this.#signal?.reason, end("canceled", "the stream was given up"));

  /** @returns {Promise<void>} */
  #changed() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Ends the stream at once.
   *
   * @param {unknown} reason what the page is told that goes on with the stream
   * @param {import("./native.d.ts").StreamEnd} otherwise what the server is told unless the reason is a HisockError
   */
  abort(reason, otherwise) {
    this.#aborted ??= { reason: reason ?? givenUp() };
    this.native.abort(endOf(reason, otherwise), givenUp());
  }

  /** @param {HisockError} why */
  #fault(why) {
    if (this.#aborted) return this.#aborted.reason;
    const { message, remote, retryAfter, details, code } = why;
    const err = new HisockError("internal", message, { remote, retryAfter, details, cause: why.cause });
    err.code = code;
    err.progress = this.native.progress();
    return err;
  }

  /** Returns the next item, or nothing if the other end has sent all. */
  async next() {
    for (;;) {
      const item = this.native.take();
      if (item) return item;
      const { ended } = this.native;
      if (ended === null) return undefined;
      if (ended) throw this.#fault(ended);
      await this.#changed();
    }
  }

  /** Waits until more may be sent. */
  async room() {
    while (!this.native.hasRoom && !this.native.refused) await this.#changed();
    if (this.native.refused) throw this.#fault(this.native.refused);
  }

  /** Says that nothing more is sent, and waits until all is on its way. */
  async finish() {
    this.#finished = true;
    this.native.finish();
    while (!this.native.isDrained) await this.#changed();
    if (this.native.refused) throw this.#fault(this.native.refused);
  }

  /** Takes nothing more. What was sent still arrives if nothing more is sent. @param {unknown} reason */
  stop(reason) {
    if (this.#finished) this.native.stop(end("closed", "no more is taken"), givenUp());
    else this.abort(reason, end("canceled", "no more is taken"));
  }

  /**
   * Sends all that an iterator yields.
   *
   * @param {string} what
   * @param {Source} source
   */
  async sendAll(what, source) {
    this.#source = source;
    for (;;) {
      await this.room();
      const { done, value } = await source.next();
      if (done) break;
      const payload = encode(what, value);
      if (this.native.refused) throw this.#fault(this.native.refused);
      this.native.send(payload);
    }
    this.#source = undefined;
  }

  /** Lets go of the stream: if it has not come to its end it ends now, at both ends. */
  close() {
    this.#signal?.removeEventListener("abort", this.#abortBySignal);
    this.native.abort(end("canceled", "the stream was given up"), givenUp());
    this.leaveSource();
  }

  /**
   * Nobody in the page refers to the stream any more: it ends. If the page has sent all, the server's handler may still go on
   * with that, and what it sends meanwhile is dropped, up to a bound.
   */
  forget() {
    if (!this.#finished) {
      this.close();
      return;
    }
    let left = mostDropped;
    this.native.onChange = () => {
      for (let item = this.native.take(); item; item = this.native.take()) left -= item.length;
      if (left < 0) this.close();
    };
    this.native.onChange();
  }

  /** Lets the iterator go whose items are sent. It may be waiting for something. */
  leaveSource() {
    const source = this.#source;
    this.#source = undefined;
    Promise.resolve(source?.return?.()).catch(() => {}); // nobody wants its items any more
  }
}

/**
 * Returns the iterator of items that are to be sent.
 *
 * @param {string} what
 * @param {any} items
 * @returns {Source}
 */
export function sourceOf(what, items) {
  const own = typeof items === "string" ? undefined : (items?.[Symbol.asyncIterator] ?? items?.[Symbol.iterator]);
  if (typeof own !== "function") throw new TypeError(`hisock: ${what}: items must be iterable, not ${describe(items)}`);
  return own.call(items);
}

/**
 * Sends items beside what is received. If they fail the stream does.
 *
 * @param {Stream} s
 * @param {string} what
 * @param {unknown} items
 */
async function sendBeside(s, what, items) {
  try {
    await s.sendAll(what, sourceOf(what, items));
    await s.finish();
  } catch (err) {
    // If the stream has ended this changes nothing.
    if (!s.native.refused) s.abort(err, end("internal", "the items failed"));
  }
}

/**
 * @param {() => Stream} open
 * @param {string} what
 * @param {As} as
 * @param {{ items: unknown }} [sent]
 */
export function exchange(open, what, as, sent) {
  const by = { s: /** @type {Stream | undefined} */ (undefined), holders: 1 };
  const items = received(() => (by.s = open()), what, as, sent);
  held.register(items, by);
  return items;
}

/**
 * @param {() => Stream} open
 * @param {string} what
 * @param {As} as
 * @param {{ items: unknown }} [sent]
 */
async function* received(open, what, as, sent) {
  const s = open();
  try {
    if (sent) void sendBeside(s, what, sent.items);
    for (let item = await s.next(); item; item = await s.next()) yield decodeReply(`item of ${what}`, item, as);
  } finally {
    s.close();
  }
}

/**
 * @param {() => Stream} open
 * @param {string} what
 * @param {As} as
 * @param {unknown} items
 */
export async function upload(open, what, as, items) {
  for await (const answer of exchange(open, what, as, { items })) return answer;
  throw new HisockError("bad_payload", `the handler of ${what} has not answered`);
}

/**
 * @param {Stream} s
 * @param {string} what
 */
export function byteStreams(s, what) {
  /** @type {UnderlyingDefaultSource<Uint8Array>} */
  const source = {
    async pull(controller) {
      const bytes = await s.next();
      if (bytes) controller.enqueue(bytes);
      else controller.close();
    },
    cancel: (reason) => s.stop(reason),
  };
  /** @type {UnderlyingSink<unknown>} */
  const sink = {
    async write(chunk) {
      const bytes = bytesOf(chunk);
      if (!bytes) throw new TypeError(`hisock: ${what}: must be bytes, not ${describe(chunk)}`);
      await s.room();
      s.native.send(bytes);
    },
    close: () => s.finish(),
    abort: (reason) => s.abort(reason, end("canceled", "the stream was given up")),
  };
  // These, and not the streams made of them: a page may keep a reader alone.
  const by = { s, holders: 2 };
  held.register(source, by);
  held.register(sink, by);
  return { readable: new ReadableStream(source, { highWaterMark: 0 }), writable: new WritableStream(sink) };
}

/**
 * Runs the handler of a stream that the server has opened.
 *
 * @param {NativeStream} native
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {{ fn: Function, as: As } | undefined} handler
 * @param {(err: unknown) => void} report
 */
export async function serve(native, name, bytes, handler, report) {
  const what = `stream "${name}"`;
  const abort = new AbortController();
  const s = new Stream(native);
  s.onRefused = (why) => {
    abort.abort(why);
    s.leaveSource();
  };
  try {
    if (!handler) throw new HisockError("unknown_command", `the page does not handle the ${what}`);
    const { fn, as } = handler;
    const value = decode(`payload of ${what}`, bytes, as);
    native.begin();
    const items = (async function* () {
      for (let item = await s.next(); item; item = await s.next()) yield decode(`item of ${what}`, item, as);
    })();
    await s.sendAll(what, sourceOf(what, await fn(value, { command: name, bytes, items, signal: abort.signal })));
    native.finish();
    native.stop(end("closed", "no more is taken"), givenUp());
  } catch (err) {
    if (native.refused) return; // the other end has given up, so the handler may fail
    s.leaveSource();
    native.fail(endOf(err, end("internal", "the handler failed")), givenUp());
    if (!isForCaller(err)) report(err);
  } finally {
    native.leave();
  }
}

/** @param {string} what @param {any} options @param {readonly string[]} known */
export function checkStreamOptions(what, options, known) {
  needOptions(what, options, known);
  needSignal(`${what}: signal`, options.signal);
  return /** @type {{ as?: As, signal?: AbortSignal }} */ (options);
}
