// In the place of checks.js: arguments are not checked. TypeScript checks the arguments of a program that is written in TypeScript.

export function check() {}
export function checkOptions() {}
export function checkConnect() {}

/** @param {unknown} value */
export const describe = (value) => typeof value;
