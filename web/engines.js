// The engines that speak the protocol: the Go program, and the one in JavaScript. A page loads the one that it uses.

import { HisockError } from "./errors.js";

/** @typedef {import("./native.d.ts").Native} Native */
/**
 * @typedef {object} Engine what has started
 * @property {Native} native
 * @property {HisockError | undefined} ended
 * @property {(fn: (why: HisockError) => void) => () => void} onEnd
 */

/** Failures to load that time may heal: failures of the network, and statuses 5xx and 429. */
export const passing = new WeakSet();

/** The modules that were loaded. @type {Set<{ stats(): Promise<ReturnType<Native["stats"]>>, crash(): Promise<void> }>} */
const loaded = new Set();

/**
 * Returns a running engine, starting it if need be.
 *
 * @param {"js" | "wasm"} name
 * @returns {Promise<Engine>}
 */
export async function engine(name) {
  let module;
  try {
    module = await (name === "js" ? import("./engine/engine.js") : import("./instance.js"));
  } catch (cause) {
    const err = new HisockError("load_failed", `cannot load the engine "${name}"`, { cause });
    passing.add(err);
    throw err;
  }
  loaded.add(module);
  return module.instance();
}

/** @param {unknown} err */
export function mayPass(err) {
  return err instanceof HisockError && passing.has(err);
}

/** Counts what is alive in the engines of this page, for tests. */
export async function stats() {
  const all = { clients: 0, callbacks: 0 };
  for (const module of loaded) {
    const { clients, callbacks } = await module.stats();
    all.clients += clients;
    all.callbacks += callbacks;
  }
  return all;
}

/** Ends the Go program of this page as a panic would, for tests. */
export async function crash() {
  for (const module of loaded) await module.crash();
}
