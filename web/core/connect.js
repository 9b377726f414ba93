// In the place of connect.js: the engine need not be loaded.

import { within } from "../calls.js";
import { Client } from "../client.js";
import { readOptions } from "../options.js";

/**
 * @param {import("../engines.js").Engines} engines
 * @returns {(url: string | URL, options?: import("../hisock.d.ts").ConnectOptions) => Promise<Client>}
 */
export const connector = (engines) => async (url, options = {}) => {
  const read = readOptions(url, options, ["js"]);
  return within("connect", read, async (signal) => {
    const { instance } = await /** @type {() => Promise<import("../engines.js").EngineModule>} */ (engines.js)();
    return Client.open(await instance(), read, signal);
  });
};
