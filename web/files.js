// Files of any size over streams of bytes. The receiver has a whole file or none, and a transfer that has broken off goes on at the receiver's
// position. files.d.ts has the types and the promises of each function. The other end is Go's package core/files.

import { HisockError, kindOf } from "./errors.js";
import { Meter } from "./files/meter.js";
import { receiveOver } from "./files/receive.js";
import { sendOver } from "./files/send.js";
import { MemoryTarget, StreamTarget } from "./files/target.js";
import { StoredTarget } from "./files/stored.js";

// Imports of the modules above. Named here, they are fetched at the same time as the modules above, and not after them.
import "./files/format.js";
import "./files/input.js";
import "./files/sha256.js";

export { MemoryTarget, StoredTarget };

/** @typedef {import("./files.d.ts").Target} Target */
/** @typedef {import("./hisock.d.ts").Client} Client */
/** @typedef {import("./hisock.d.ts").ByteStreams} ByteStreams */

const defaultMaxSize = 2 ** 30; // bytes

// The time between two attempts, in milliseconds.
const firstWait = 100;
const maxWait = 2000;

/** @type {typeof import("./files.d.ts").send} */
export function send(streams, source, options = {}) {
  const { meter, signal } = read("send", options, []);
  return sendOver(streams, sourceOf(source), meter, signal);
}

/** @type {typeof import("./files.d.ts").receive} */
export function receive(streams, target, options = {}) {
  const { meter, signal, maxSize } = read("receive", options, ["maxSize"]);
  return receiveOver(streams, targetOf(target), maxSize, meter, signal);
}

/** @type {typeof import("./files.d.ts").upload} */
export async function upload(client, name, arg, source, options = {}) {
  const { meter, signal } = read("upload", options, []);
  const from = sourceOf(source);
  return carry(client, name, arg, meter, signal, () => from instanceof Blob || meter.done < 0, (streams) => sendOver(streams, from, meter, signal));
}

/** @type {typeof import("./files.d.ts").download} */
export async function download(client, name, arg, target, options = {}) {
  const { meter, signal, maxSize } = read("download", options, ["maxSize"]);
  const to = targetOf(target);
  const again = () => !(to instanceof StreamTarget) || meter.done < 0;
  return carry(client, name, arg, meter, signal, again, (streams) => receiveOver(streams, to, maxSize, meter, signal));
}

/**
 * Does a transfer over a stream. If it fails, further attempts follow while they may succeed.
 *
 * @template T
 * @param {Client} client
 * @param {string} name
 * @param {import("./hisock.d.ts").Sendable} arg
 * @param {Meter} meter
 * @param {AbortSignal | undefined} signal
 * @param {() => boolean} again reports whether the transfer can begin once more
 * @param {(streams: ByteStreams) => Promise<T>} transfer
 */
async function carry(client, name, arg, meter, signal, again, transfer) {
  let over = false;
  client.closed.then(() => (over = true));
  for (let wait = firstWait; ; wait = Math.min(2 * wait, maxWait)) {
    const { done } = meter;
    try {
      return await once(client, name, arg, signal, transfer);
    } catch (err) {
      signal?.throwIfAborted();
      if (!mayHeal(err) || !again()) throw err;
      if (meter.done !== done) wait = firstWait; // the server did take the stream
      await pause(Math.max(wait, err.retryAfter), client, signal);
      if (over) throw err;
    }
  }
}

/**
 * Does a transfer over one stream.
 *
 * @template T
 * @param {Client} client
 * @param {string} name
 * @param {import("./hisock.d.ts").Sendable} arg
 * @param {AbortSignal | undefined} signal
 * @param {(streams: ByteStreams) => Promise<T>} transfer
 */
async function once(client, name, arg, signal, transfer) {
  const failed = new AbortController();
  const streams = client.openBytes(name, arg, { signal: signal ? AbortSignal.any([signal, failed.signal]) : failed.signal });
  try {
    const result = await transfer(streams);
    // The transfer is complete. The server may have ended the stream by now: errors do not matter.
    await streams.writable.close().catch(() => {});
    await streams.readable.cancel().catch(() => {});
    return result;
  } catch (err) {
    failed.abort(err); // so that the other end is told
    throw err;
  }
}

/** Waits for a time. A client that ends and a signal that aborts end the wait. @param {number} ms @param {Client} client @param {AbortSignal | undefined} signal */
async function pause(ms, client, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {(value?: unknown) => void} */
  let stop = () => {};
  await Promise.race([client.closed, new Promise((resolve) => {
    stop = () => resolve(undefined);
    timer = setTimeout(stop, ms);
    signal?.addEventListener("abort", stop);
  })]);
  clearTimeout(timer);
  signal?.removeEventListener("abort", stop);
  signal?.throwIfAborted();
}

const passing = ["shutdown", "unavailable", "overloaded", "not_connected", "canceled", "too_many_calls"];

/** Reports whether another attempt may succeed. @param {unknown} err @returns {err is HisockError} */
function mayHeal(err) {
  if (!(err instanceof HisockError)) return false;
  if (err.retryAfter > 0 || passing.includes(String(err.code))) return true;
  return err.progress !== undefined && !err.remote; // the stream ended because the connection did
}

/**
 * Checks options.
 *
 * @param {string} what
 * @param {import("./files.d.ts").ReceiveOptions} options
 * @param {string[]} more
 */
function read(what, options, more) {
  const need = (/** @type {boolean} */ ok, /** @type {string} */ why) => {
    if (!ok) throw new TypeError(`hisock: files: ${what}: ${why}`);
  };
  need(kindOf(options) === "Object", "options must be an object");
  for (const key of Object.keys(options)) need(["onProgress", "signal", ...more].includes(key), `unknown option "${key}"`);
  const { onProgress, signal, maxSize = defaultMaxSize } = options;
  need(signal === undefined || kindOf(signal) === "AbortSignal", "signal must be an AbortSignal");
  need(onProgress === undefined || typeof onProgress === "function", "onProgress must be a function");
  need(typeof maxSize === "number" && maxSize >= 0, "maxSize must be a number of bytes");
  return { meter: new Meter(onProgress), signal, maxSize };
}

/** @param {import("./files.d.ts").Source} source */
function sourceOf(source) {
  if (source instanceof Blob || source instanceof ReadableStream) return source;
  throw new TypeError("hisock: files: what is sent must be a Blob, a File or a ReadableStream");
}

/** @param {Target | WritableStream<Uint8Array>} target @returns {Target} */
function targetOf(target) {
  if (target instanceof WritableStream) return new StreamTarget(target);
  if (typeof target?.part === "function" && typeof target.open === "function") return target;
  throw new TypeError("hisock: files: what receives must be a WritableStream or a Target");
}
