// In the place of errors.js: arguments are not checked. TypeScript checks those of a program that is written in TypeScript.

export { HisockError, kindOf, nameOf, numberOf, reportError } from "../errors.js";

/** @param {string} _what @param {unknown} value */
export const needString = (_what, value) => /** @type {string} */ (value);

export const needFunction = () => {};
export const needOptions = () => {};
export const needTimeout = () => {};
export const needSignal = () => {};

/** @template T @param {string} _what @param {T} options */
export const needWait = (_what, options) => options;

/** @param {unknown} value */
export const describe = (value) => typeof value;
