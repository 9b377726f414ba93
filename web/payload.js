// Payloads are bytes on the wire. What a page passes is turned into them by its type,
// what arrives is turned back by what the receiver asks for, never by what it looks
// like: a line of chat that reads "42" stays text for who asked for text.

import { HisockError, describe } from "./errors.js";

/** @typedef {import("./hisock.d.ts").As} As */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** @type {readonly string[]} */
const forms = ["json", "text", "number", "bytes"];

/**
 * Throws unless value is undefined or one of the forms of a payload.
 *
 * @param {string} what
 * @param {unknown} value
 * @param {As} otherwise
 * @returns {As}
 */
export function needAs(what, value, otherwise) {
  if (value === undefined) return otherwise;
  if (typeof value !== "string" || !forms.includes(value)) {
    throw new TypeError(`hisock: ${what}: as must be one of "${forms.join('", "')}", not ${describe(value)}`);
  }
  return /** @type {As} */ (value);
}

/**
 * Returns the bytes of a value: those of text, of a number or a boolean in decimal, a
 * buffer's own, and JSON for the rest. They may be the caller's own memory.
 *
 * @param {string} what
 * @param {unknown} value
 * @returns {Uint8Array}
 */
export function encode(what, value) {
  switch (typeof value) {
    case "undefined":
      return new Uint8Array(0);
    case "string":
      return encoder.encode(value);
    case "boolean":
    case "bigint":
      return encoder.encode(String(value));
    case "number":
      if (!Number.isFinite(value)) {
        throw new TypeError(`hisock: ${what}: the number ${value} cannot be sent`);
      }
      return encoder.encode(String(value));
    case "object":
      return bytesOf(value) ?? encodeJSON(what, value);
    default:
      throw new TypeError(`hisock: ${what}: ${describe(value)} cannot be sent`);
  }
}

/**
 * Returns the bytes behind a buffer or a view of one, or undefined for anything else.
 *
 * @param {unknown} value
 * @returns {Uint8Array | undefined}
 */
export function bytesOf(value) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return undefined;
}

/**
 * @param {string} what
 * @param {object | null} value
 */
function encodeJSON(what, value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`hisock: ${what}: cannot be turned into JSON`, { cause });
  }
  if (text === undefined) throw new TypeError(`hisock: ${what}: has no form in JSON`);
  return encoder.encode(text);
}

/**
 * Turns a payload into what the receiver asked for, or throws a HisockError with code
 * "bad_payload". An empty payload is undefined as JSON: it is what a command
 * without a value carries.
 *
 * @param {string} what
 * @param {Uint8Array} bytes
 * @param {As} as
 * @returns {unknown}
 */
export function decode(what, bytes, as) {
  if (as === "bytes") return bytes;
  let text;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new HisockError("bad_payload", `${what} is not UTF-8: ask for it with { as: "bytes" }`, { cause });
  }
  switch (as) {
    case "text":
      return text;
    case "number":
      if (!decimal.test(text)) {
        throw new HisockError("bad_payload", `${what} is not a decimal number`);
      }
      return Number(text);
    default:
      if (text === "") return undefined;
      try {
        return JSON.parse(text);
      } catch (cause) {
        throw new HisockError("bad_payload", `${what} is not JSON: ask for text with { as: "text" }`, { cause });
      }
  }
}

/**
 * Returns the bytes of an error's details: a buffer's own, and JSON for the rest, text and
 * numbers too.
 *
 * @param {unknown} details
 * @returns {Uint8Array | undefined}
 */
export function encodeDetails(details) {
  if (details === undefined) return undefined;
  return bytesOf(details) ?? encodeJSON("details of an error", /** @type {object | null} */ (details));
}

/**
 * Returns what JSON.parse makes of an error's details, or the bytes where they are not JSON.
 *
 * @param {Uint8Array} bytes
 * @returns {unknown}
 */
export function decodeDetails(bytes) {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return bytes;
  }
}
