// The messages of a transfer. The package documentation of core/files lists them.

import { HisockError } from "../errors.js";

/** @typedef {{ size: number | undefined, seek: boolean }} Offer the sender's first message; size is undefined if the sender does not know it */

export const offerSize = 16; // bytes
export const hashSize = 32; // bytes
export const maxChunk = 1 << 20; // bytes
export const done = 1; // the only byte of the receiver's last message

const version = 1;
const flagSeek = 1;
const unknownSize = 2n ** 64n - 1n;

/** @param {Offer} offer */
export function offerBytes({ size, seek }) {
  const b = new DataView(new ArrayBuffer(offerSize));
  [0x68, 0x73, 0x66, version, seek ? flagSeek : 0].forEach((byte, i) => b.setUint8(i, byte)); // "hsf"
  b.setBigUint64(8, size === undefined ? unknownSize : BigInt(size));
  return new Uint8Array(b.buffer);
}

/**
 * @param {Uint8Array} bytes
 * @returns {Offer}
 */
export function readOffer(bytes) {
  const [h, s, f, v, flags = 0, ...zeros] = bytes.subarray(0, 8);
  if (h !== 0x68 || s !== 0x73 || f !== 0x66) throw broken("what came is no file");
  if (v !== version) throw new HisockError("version", `a file in version ${v} of the format`);
  if (flags > flagSeek || zeros.some((b) => b !== 0)) throw broken("a file with unknown flags");
  const size = viewOf(bytes).getBigUint64(8);
  if (size === unknownSize) return { size: undefined, seek: false };
  if (size >= 2n ** 63n) throw broken("a file with a size that no file has");
  if (size > Number.MAX_SAFE_INTEGER) throw new HisockError("too_big", `a file of ${size} B`);
  return { size: Number(size), seek: flags === flagSeek };
}

/** @param {number} n */
export function offsetBytes(n) {
  const b = new DataView(new ArrayBuffer(8));
  b.setBigUint64(0, BigInt(n));
  return new Uint8Array(b.buffer);
}

/** Returns an offset. An offset above 2^53 is rounded: it still exceeds the size of any file. @param {Uint8Array} bytes */
export const readOffset = (bytes) => Number(viewOf(bytes).getBigUint64(0));

/** @param {number} n */
export function lengthBytes(n) {
  const b = new DataView(new ArrayBuffer(4));
  b.setUint32(0, n);
  return new Uint8Array(b.buffer);
}

/** @param {Uint8Array} bytes */
export const readLength = (bytes) => viewOf(bytes).getUint32(0);

/** @param {Uint8Array} bytes */
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The error for a message that breaks the rules of the format. @param {string} what */
export const broken = (what) => new HisockError("protocol", what);

/** @param {Uint8Array} a @param {Uint8Array} b */
export const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** @param {Uint8Array} hash */
export const hexOf = (hash) => Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join("");
