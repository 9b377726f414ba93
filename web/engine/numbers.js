// Numbers on the wire: seven bits a byte, low ones first, and no more bytes than needed.

import { HisockError } from "../errors.js";

/** @typedef {number | bigint} Num a number of up to 64 bits: a bigint only if a number cannot hold it */

/**
 * @param {import("../hisock.d.ts").PeerErrorCode} code
 * @param {string} why
 * @returns {never}
 */
export function fail(code, why) {
  throw new HisockError(code, why);
}

export let after = 0; // the index after the number that readNumber has read, or 0 if the number is not complete

/**
 * @param {Uint8Array} b
 * @param {number} at
 * @param {number} end
 * @returns {Num}
 */
export function readNumber(b, at, end) {
  let value = 0;
  for (let i = 0, scale = 1; ; i++, scale *= 0x80) {
    if (at + i >= end) {
      after = 0;
      return 0;
    }
    const c = /** @type {number} */ (b[at + i]);
    if (i === 9 && c > 1) fail("protocol", "number over 64 bits");
    if (c < 0x80) {
      if (c === 0 && i > 0) fail("protocol", "number longer than needed");
      after = at + i + 1;
      return i < 7 ? value + c * scale : readLong(b, at, i);
    }
    value += (c & 0x7f) * scale;
  }
}

/**
 * @param {Uint8Array} b
 * @param {number} at
 * @param {number} i of the last byte
 */
function readLong(b, at, i) {
  let value = 0n;
  for (; i >= 0; i--) value = (value << 7n) | BigInt(/** @type {number} */ (b[at + i]) & 0x7f);
  return narrow(value);
}

/**
 * Returns a number as a bigint only if a number cannot hold it.
 *
 * @param {Num} v
 * @returns {Num}
 */
export const narrow = (v) => (v <= Number.MAX_SAFE_INTEGER ? Number(v) : v);

/**
 * Returns the length of a number, in bytes.
 *
 * @param {Num} v
 */
export function sizeOf(v) {
  let n = 1;
  for (; v >= 0x80; n++) v = typeof v === "bigint" ? v >> 7n : Math.floor(v / 0x80);
  return n;
}

/**
 * Writes a number, and returns the index after it.
 *
 * @param {Uint8Array} b
 * @param {number} at
 * @param {Num} v
 */
export function putNumber(b, at, v) {
  while (v >= 0x80) {
    b[at++] = Number(typeof v === "bigint" ? v & 0x7fn : v % 0x80) | 0x80;
    v = typeof v === "bigint" ? v >> 7n : Math.floor(v / 0x80);
  }
  b[at] = Number(v);
  return at + 1;
}
