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

/** @typedef {{ stats(): Promise<ReturnType<Native["stats"]>>, crash(): Promise<void> }} Loaded a module, as tests use it */

/** @type {Set<Loaded>} */
const loaded = new Set();

/**
 * Returns a running engine, starting it if need be.
 *
 * @param {"js" | "wasm"} name
 * @returns {Promise<Engine>}
 */
export async function engine(name) {
  /** @type {Promise<{ instance(): Promise<Engine> } & Loaded>} */
  const loading = name === "js" ? import("./engine/engine.js") : import("./instance.js");
  const module = await orLoadFailed(loading);
  loaded.add(module);
  return module.instance();
}

/**
 * Waits for a module. Time may heal what keeps it from being loaded.
 *
 * @template T
 * @param {Promise<T>} module
 */
export async function orLoadFailed(module) {
  try {
    return await module;
  } catch (cause) {
    const err = new HisockError("load_failed", `cannot load the engine: ${/** @type {Error} */ (cause).message}`, { cause });
    passing.add(err);
    throw err;
  }
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
