// The engines that speak the protocol: the Go program, and the one in JavaScript. A page loads the one that it uses.

import { HisockError } from "./errors.js";

/** @typedef {import("./native.d.ts").Native} Native */
/**
 * @typedef {object} Engine a started engine
 * @property {Native} native
 * @property {HisockError | undefined} ended
 * @property {(fn: (why: HisockError) => void) => () => void} onEnd
 */

/** Failures to load that time may heal: failures of the network, and statuses 5xx and 429. */
export const passing = new WeakSet();

/** @typedef {{ stats(): Promise<ReturnType<Native["stats"]>>, crash(): Promise<void> }} Loaded a module, as tests use it */
/** @typedef {import("./program/load.js").Tell} Tell */
/** @typedef {{ instance(tell?: Tell): Promise<Engine> } & Loaded} EngineModule */
/** @typedef {Record<string, () => Promise<EngineModule>>} Engines the function that loads each engine, by the engine's name */

/** @type {Set<Loaded>} */
const loaded = new Set();

/**
 * Returns a running engine. It starts the engine if none runs.
 *
 * @param {Engines} engines
 * @param {string} name of one of them
 * @param {Tell} [tell] is told how far the engine has been loaded, if it can be known
 * @returns {Promise<Engine>}
 */
export async function engine(engines, name, tell) {
  const load = /** @type {() => Promise<EngineModule>} */ (engines[name]);
  const module = await orLoadFailed(load());
  loaded.add(module);
  return module.instance(tell);
}

/**
 * Waits for a module. A failure to load it is a load_failed that time may heal.
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

/** Returns the number of clients and callbacks in the engines of this page, for tests. */
async function stats() {
  const all = { clients: 0, callbacks: 0 };
  for (const module of loaded) {
    const { clients, callbacks } = await module.stats();
    all.clients += clients;
    all.callbacks += callbacks;
  }
  return all;
}

/** Ends the Go program of this page as a panic would, for tests. */
async function crash() {
  for (const module of loaded) await module.crash();
}

/** For the tests of this package: counts what is alive in the engines, and ends the Go program. */
export const internals = { stats, crash };
