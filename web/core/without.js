// What hisock/core lacks.

import { HisockError } from "../errors.js";

/** @param {string} what @returns {never} */
export function lack(what) {
  throw new HisockError("unsupported", `hisock/core has no ${what}: import hisock/js`);
}

/**
 * Gives a class methods that it lacks.
 *
 * @param {Function} of
 * @param {string[]} methods
 */
export function without(of, ...methods) {
  for (const name of methods) of.prototype[name] = () => lack(name);
}
