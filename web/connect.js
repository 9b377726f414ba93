// The function connect of a module that has certain engines.

import { Client } from "./client.js";
import { engine, mayPass } from "./engines.js";
import { HisockError, reportError } from "./errors.js";
import { readOptions } from "./options.js";

/** @typedef {import("./engines.js").Engines} Engines */

/**
 * Returns connect for these engines. The first engine is the default.
 *
 * @param {Engines} engines
 * @returns {typeof import("./hisock.d.ts").connect}
 */
export const connector = (engines) => (url, options = {}) => connect(engines, url, options);

/**
 * @param {Engines} engines
 * @param {string | URL} url
 * @param {import("./hisock.d.ts").ConnectOptions} options
 */
async function connect(engines, url, options) {
  const read = readOptions(url, options, Object.keys(engines));
  const timeout = new AbortController();
  const timer = read.timeout === undefined ? undefined : setTimeout(() => {
    timeout.abort(new HisockError("deadline_exceeded", `not connected after ${read.timeout} ms`));
  }, read.timeout);
  const signal = read.signal ? AbortSignal.any([read.signal, timeout.signal]) : timeout.signal;
  try {
    const inst = await load(engines, read, signal);
    return await Client.open(inst, read, signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Loads the engine. After a failure that time may heal it tries again if retry.first is set.
 *
 * @param {Engines} engines
 * @param {ReturnType<typeof readOptions>} read
 * @param {AbortSignal} signal
 */
async function load(engines, read, signal) {
  const [min = 0, max = 0, most = 0] = read.config.retry;
  const begun = Date.now();
  for (let limit = min || 500; ; limit = Math.min(2 * limit, max || 20_000)) {
    try {
      return await unlessAborted(engine(engines, read.engine), signal);
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
