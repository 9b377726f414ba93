// hisock in the browser: named commands, calls, groups and raw messages over one
// WebSocket. The types and what each method promises are in hisock.d.ts.

import { Client } from "./client.js";
import { HisockError } from "./errors.js";
import { crash, instance, stats } from "./instance.js";
import { readOptions } from "./options.js";

export { HisockError };

/** @type {typeof import("./hisock.d.ts").connect} */
export async function connect(url, options = {}) {
  const read = readOptions(url, options);
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new HisockError("deadline_exceeded", `not connected after ${read.timeout} ms`));
  }, read.timeout);
  const signal = read.signal ? AbortSignal.any([read.signal, timeout.signal]) : timeout.signal;
  try {
    const inst = await unlessAborted(instance(), signal);
    return await Client.open(inst, read, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** For the tests of this package: what is alive in Go, and a way to end it. */
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
