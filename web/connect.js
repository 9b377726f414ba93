// The function connect of a module that has certain engines.

import { unlessAborted, within } from "./calls.js";
import { Client } from "./client.js";
import { engine, mayPass } from "./engines.js";
import { reportError } from "./errors.js";
import { readOptions } from "./options.js";

/** @typedef {import("./engines.js").Engines} Engines */

/**
 * Returns connect for these engines. The first engine is the default.
 *
 * @param {Engines} engines
 * @returns {typeof import("./hisock.d.ts").connect}
 */
export const connector = (engines) => (/** @type {string | URL} */ url, options = {}) => /** @type {any} */ (connect(engines, url, options));

/**
 * @param {Engines} engines
 * @param {string | URL} url
 * @param {import("./hisock.d.ts").ConnectOptions} options
 */
async function connect(engines, url, options) {
  const read = readOptions(url, options, Object.keys(engines));
  return within("connect", read, async (signal) => {
    const inst = await load(engines, read, signal);
    return Client.open(inst, read, signal);
  });
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
  const { onProgress } = read;
  const progress = onProgress && ((/** @type {import("./hisock.d.ts").LoadProgress} */ loaded) => signal.aborted || tell(() => onProgress(loaded)));
  for (let limit = min || 500; ; limit = Math.min(2 * limit, max || 20_000)) {
    try {
      return await unlessAborted(engine(engines, read.engine, progress), signal);
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
