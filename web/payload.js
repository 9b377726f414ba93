// Payloads are bytes on the wire. The type of a value that a page passes says which bytes it becomes. The receiver
// says what it wants of bytes that arrive, never their looks: a line of chat that reads "42" stays
// text for a receiver that asked for text.

import { HisockError, describe } from "./errors.js";

/** @typedef {import("./hisock.d.ts").As} As */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// Numbers in decimal, which may have the white space around them that Go allows.
const decimal = /^[ \t-\r]*([+-]?)(\d+(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d+))?[ \t-\r]*$/i;
const whole = /^[ \t-\r]*[+-]?\d+[ \t-\r]*$/;

/** @type {readonly string[]} */
const forms = ["json", "text", "number", "bigint", "bytes"];

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
 * Returns the bytes of a value: text as UTF-8, a number or a boolean as decimal text, a
 * buffer's own bytes, and JSON for the rest. They may be the caller's own memory.
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
 * Turns a payload into the kind of value that the receiver asked for, or throws a HisockError with code
 * "bad_payload". An empty payload is undefined as JSON: a command
 * without a value carries it.
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
      return numberOf(what, text);
    case "bigint":
      if (!whole.test(text)) throw new HisockError("bad_payload", `${what} is not a whole number in decimal`);
      return BigInt(text.trim());
    default:
      return parseJSON(what, text);
  }
}

/**
 * Returns the number that text is in decimal. A whole number is that number and no other, or the
 * payload is bad; a fraction is the number that is nearest to it.
 *
 * @param {string} what
 * @param {string} text
 */
function numberOf(what, text) {
  if (!decimal.test(text)) throw new HisockError("bad_payload", `${what} is not a decimal number`);
  const n = Number(text);
  if (!holds(n, text)) throw notHeld(what, text);
  return n;
}

/**
 * @param {string} what
 * @param {string} text
 */
function parseJSON(what, text) {
  if (text === "") return undefined;
  let value;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HisockError("bad_payload", `${what} is not JSON: ask for text with { as: "text" }`, { cause });
  }
  if (typeof value === "number" && !holds(value, text)) throw notHeld(what, text);
  return value;
}

/**
 * @param {string} what
 * @param {string} text
 */
function notHeld(what, text) {
  const as = whole.test(text) ? "bigint" : "text";
  const why = Number.isFinite(Number(text)) ? "is a whole number that a number cannot hold" : "is too large for a number";
  return new HisockError("bad_payload", `${what} ${why}: ask for it with { as: "${as}" }`);
}

/**
 * Reports whether the number n, which text was turned into, is what text says. Digits alone are an
 * integer of the sender's, which must be a safe one. With a point or an exponent they are a floating
 * point number of the sender's: that may be larger, as it is written exactly or in the shortest way
 * that leads to it, but 9007199254740993.0 is neither.
 *
 * @param {number} n
 * @param {string} text
 */
function holds(n, text) {
  if (Number.isSafeInteger(n)) return true;
  if (!Number.isInteger(n)) return Number.isFinite(n); // a fraction, or too large
  if (whole.test(text)) return false;
  const said = wholeOf(text);
  return said === undefined || said === BigInt(n) || said === wholeOf(String(n));
}

/**
 * Returns the whole number that text is, or undefined if it is a fraction. The caller knows that it
 * is no larger than a floating point number can be.
 *
 * @param {string} text
 * @returns {bigint | undefined}
 */
function wholeOf(text) {
  const [, sign, all = "", fraction = "", bare = "", exponent = "0"] = decimal.exec(text) ?? [];
  const digits = all.replace(".", "").replace(/^0+/, "");
  const shift = Number(exponent) - fraction.length - bare.length;
  const rest = shift < 0 ? digits.slice(shift) : "";
  if (/[^0]/.test(rest)) return undefined;
  return BigInt(sign + (digits.slice(0, digits.length - rest.length) || "0") + "0".repeat(Math.max(shift, 0)));
}

/** Errors of replies that did not convert: see decodeReply. @type {WeakSet<object>} */
const ofReplies = new WeakSet();

/**
 * Is decode for the reply to a call of the page. If a handler of calls throws what this throws, its own
 * caller is not to blame.
 *
 * @param {string} what
 * @param {Uint8Array} bytes
 * @param {As} as
 */
export function decodeReply(what, bytes, as) {
  try {
    return decode(what, bytes, as);
  } catch (err) {
    ofReplies.add(/** @type {HisockError} */ (err));
    throw err;
  }
}

/**
 * Reports whether the caller of a handler may know what the handler threw.
 *
 * @param {unknown} err
 * @returns {err is HisockError}
 */
export function isForCaller(err) {
  return err instanceof HisockError && !ofReplies.has(err);
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
