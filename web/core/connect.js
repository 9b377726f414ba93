// In the place of connect.js: the engine need not be loaded.

import { Client } from "../client.js";
import { HisockError } from "../errors.js";
import { readOptions } from "../options.js";

/**
 * @param {import("../engines.js").Engines} engines
 * @returns {(url: string | URL, options?: import("../hisock.d.ts").ConnectOptions) => Promise<Client>}
 */
export const connector = (engines) => async (url, options = {}) => {
  const read = readOptions(url, options, []);
  const timeout = new AbortController();
  const late = () => timeout.abort(new HisockError("deadline_exceeded", `not connected after ${read.timeout} ms`));
  const timer = read.timeout && setTimeout(late, read.timeout);
  const signal = read.signal ? AbortSignal.any([read.signal, timeout.signal]) : timeout.signal;
  try {
    const [load] = /** @type {[() => Promise<import("../engines.js").EngineModule>]} */ (Object.values(engines));
    return await Client.open(await (await load()).instance(), read, signal);
  } finally {
    clearTimeout(timer);
  }
};
