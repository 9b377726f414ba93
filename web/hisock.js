// hisock in the browser: named commands, calls, groups and raw messages over one
// WebSocket. hisock.d.ts has the types, and says what each method promises.

import { Client } from "./client.js";
import { crash, engine, mayPass, stats } from "./engines.js";
import { HisockError } from "./errors.js";
import { readOptions } from "./options.js";

// What these import in turn: a browser asks for all of it at once, and not for one module behind the other.
import "./calls.js";
import "./connection.js";
import "./incoming.js";
import "./kept.js";
import "./page.js";
import "./payload.js";
import "./raw.js";
import "./streams.js";
import "./warnings.js";

export { HisockError };

/** @type {typeof import("./hisock.d.ts").connect} */
export async function connect(url, options = {}) {
  const read = readOptions(url, options);
  const timeout = new AbortController();
  const timer = read.timeout === undefined ? undefined : setTimeout(() => {
    timeout.abort(new HisockError("deadline_exceeded", `not connected after ${read.timeout} ms`));
  }, read.timeout);
  const signal = read.signal ? AbortSignal.any([read.signal, timeout.signal]) : timeout.signal;
  try {
    const inst = await load(read, signal);
    return await Client.open(inst, read, signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Loads the engine. After a failure that time may heal it tries again if retry.first is set.
 *
 * @param {ReturnType<typeof readOptions>} read
 * @param {AbortSignal} signal
 */
async function load(read, signal) {
  const [min = 0, max = 0, most = 0] = read.config.retry;
  const begun = Date.now();
  for (let limit = min || 500; ; limit = Math.min(2 * limit, max || 20_000)) {
    try {
      return await unlessAborted(engine(read.engine), signal);
    } catch (err) {
      const wait = Math.random() * limit;
      if (!read.config.first || !mayPass(err) || (most && Date.now() + wait - begun > most)) throw err;
      for (const { hook, fn } of read.hooks) {
        if (hook === "onState") tell(() => fn("connecting", err));
      }
      await unlessAborted(new Promise((resolve) => setTimeout(resolve, wait)), signal);
    }
  }
}

/** @param {() => unknown} fn */
function tell(fn) {
  try {
    fn();
  } catch (err) {
    reportError(err);
  }
}

/** For the tests of this package: counts what is alive in the engines, and ends the Go program. */
export const internals = { stats, crash };

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
