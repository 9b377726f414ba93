// Streams for pages. The functions here wait where an engine's functions return at once, and convert values to payloads.

import { describe } from "./checks.js";
import { HisockError, numberOf } from "./errors.js";
import { bytesOf, decode, decodeReply, encode, encodeDetails, isForCaller } from "./payload.js";

/** @typedef {import("./hisock.d.ts").As} As */
/** @typedef {import("./native.d.ts").NativeStream} NativeStream */
/** @typedef {AsyncIterator<unknown> | Iterator<unknown>} Source */

/** @param {import("./hisock.d.ts").ErrorCode} code @param {string} reason */
const end = (code, reason) => ({ code: numberOf(code), reason, retryAfter: 0, details: undefined });

/**
 * Returns the end that tells the server of an error. It has all fields of a HisockError, and is otherwise for any other error.
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

/** The bytes that a server may still send to a page that has sent all and dropped the stream. */
const mostDropped = 256 << 10;

/**
 * The registry of the objects that a page holds a stream by. Once the last of them is collected as garbage, the page has dropped the
 * stream. A stream refers to these objects only while the page waits for the stream.
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
  /** @type {{ reason: unknown } | undefined} the page's reason to end the stream, once it has ended it */
  #aborted;
  #finished = false;
  /** @type {Source | undefined} */
  #source;
  /** Is called when the server has ended the stream. @type {(why: HisockError) => void} */
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
   * @param {unknown} reason the error of the page's later operations on the stream
   * @param {import("./native.d.ts").StreamEnd} otherwise the end for the server unless the reason is a HisockError
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

  /** Returns the next item, or undefined once the server has sent all. */
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

  /** Waits until there is room for more. */
  async room() {
    while (!this.native.hasRoom && !this.native.refused) await this.#changed();
    if (this.native.refused) throw this.#fault(this.native.refused);
  }

  /** Ends the page's direction, and waits until all is on its way. */
  async finish() {
    this.#finished = true;
    this.native.finish();
    while (!this.native.isDrained) await this.#changed();
    if (this.native.refused) throw this.#fault(this.native.refused);
  }

  /** Takes nothing more. If the page has finished, all that it has sent still arrives. Otherwise the stream ends. @param {unknown} reason */
  stop(reason) {
    if (this.#finished) this.native.stop(end("closed", "no more is taken"), givenUp());
    else this.abort(reason, end("canceled", "no more is taken"));
  }

  /**
   * Sends all items of an iterator.
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

  /** Leaves the stream. A stream that has not ended ends now, at both ends. */
  close() {
    this.#signal?.removeEventListener("abort", this.#abortBySignal);
    this.native.abort(end("canceled", "the stream was given up"), givenUp());
    this.leaveSource();
  }

  /**
   * Ends a stream that the page has dropped. If the page has finished, the server's handler may go on with the items of the page: the
   * stream drops the items of the handler, and ends once they exceed mostDropped.
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

  /** Returns the iterator whose items are sent. The iterator may be waiting. */
  leaveSource() {
    const source = this.#source;
    this.#source = undefined;
    Promise.resolve(source?.return?.()).catch(() => {}); // the stream needs no more items
  }
}

/**
 * Returns the iterator of the items to send.
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
 * Sends items while the page receives. If the iterator fails, so does the stream.
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
    // abort changes nothing if the stream has ended.
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
  // The page holds the stream by these objects, not by the web streams made of them: a page may keep a reader alone.
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
    if (native.refused) return; // the handler may fail because the server has ended the stream
    s.leaveSource();
    native.fail(endOf(err, end("internal", "the handler failed")), givenUp());
    if (!isForCaller(err)) report(err);
  } finally {
    native.leave();
  }
}
