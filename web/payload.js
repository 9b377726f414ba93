// Values to payloads and back. The type of a value that a page sends decides which bytes it becomes. The receiver
// decides to what a payload is converted, never the content: a line of chat that reads "42" stays
// text for a receiver that asked for text.

import { describe } from "./checks.js";
import { HisockError, kindOf } from "./errors.js";

/** @typedef {import("./hisock.d.ts").As} As */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// A number in decimal, with the white space around it that Go allows.
const decimal = /^[ \t-\r]*([+-]?)(\d+(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d+))?[ \t-\r]*$/i;
const whole = /^[ \t-\r]*[+-]?\d+[ \t-\r]*$/;

/**
 * Returns the bytes of a value: text as UTF-8, a number or a boolean as decimal text, a
 * buffer's own bytes, and JSON for the rest. The result may be the caller's own memory.
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
 * Returns the bytes of a buffer or of a view of a buffer, of any realm, and undefined for anything else. It does not
 * copy. It throws if the buffer was detached, or was shrunk so that the view is out of bounds.
 *
 * @param {any} value
 * @returns {Uint8Array | undefined}
 */
export function bytesOf(value) {
  try {
    if (ArrayBuffer.isView(value)) {
      /** @type {any} */ (value).keys?.(); // throws for such an array; the length of a DataView does
      return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
    if (/^(Shared)?ArrayBuffer$/.test(kindOf(value))) return new Uint8Array(value);
  } catch (cause) {
    throw new TypeError("hisock: bytes: their buffer was detached or shrunk", { cause });
  }
  return undefined;
}

/**
 * Reports whether the bytes of a value must be waited for: it is a Blob, a File or a Response.
 *
 * @param {any} value
 * @returns {value is Blob}
 */
export const isBlob = (value) => typeof value?.arrayBuffer === "function";

/**
 * Returns the bytes of a Blob, and every other value itself.
 *
 * @param {unknown} value
 */
export const unwrap = (value) => (isBlob(value) ? value.arrayBuffer() : value);

/**
 * @param {string} what
 * @param {object | null} value
 */
function encodeJSON(what, value) {
  let text;
  let hollow = "";
  try {
    text = JSON.stringify(value);
    // A Map and its like become {}. With a function JSON is slower.
    if (text?.includes("{}")) {
      JSON.stringify(value, (_key, v) => {
        if (!/^(Object|Array)$/.test(kindOf(v)) && Object(v) === v && JSON.stringify(v) === "{}") hollow = kindOf(v);
        return v;
      });
    }
  } catch (cause) {
    throw new TypeError(`hisock: ${what}: cannot be turned into JSON`, { cause });
  }
  if (text === undefined || hollow) throw new TypeError(`hisock: ${what}: ${hollow && `a ${hollow} `}has no form in JSON`);
  return encoder.encode(text);
}

/**
 * Converts a payload to the form that the receiver asked for, or throws a HisockError with code
 * "bad_payload". As JSON an empty payload is undefined: it is the payload of a command
 * without a value.
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
 * Returns the number in decimal text. It throws if the text is a whole number that a number cannot hold
 * exactly. For a fraction it returns the nearest number.
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
 * Reports whether the number n, which was made from text, has the value that the sender meant. Digits alone are an
 * integer of the sender's and must be a safe integer. Digits with a point or an exponent are a floating
 * point number of the sender's, which may be larger. Such a number is written exactly, or with the fewest digits
 * that give it back; 9007199254740993.0 is neither.
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
 * Returns the whole number in text, or undefined if text is a fraction. The number must not be larger than the
 * largest floating point number, so the result has a bounded length.
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

/** Errors of answers that did not convert: see decodeReply. @type {WeakSet<object>} */
const ofReplies = new WeakSet();

/**
 * Does what decode does, for the answer to a call of the page. isForCaller returns false for its errors: if a
 * handler of calls passes such an error on, its own caller has sent no bad payload.
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
 * Reports whether an error of a handler of calls may be sent to the caller.
 *
 * @param {unknown} err
 * @returns {err is HisockError}
 */
export function isForCaller(err) {
  return err instanceof HisockError && !ofReplies.has(err);
}

/**
 * Returns the bytes of an error's details: a buffer's own bytes, and JSON for everything else, including text and
 * numbers. It returns undefined if there are no details.
 *
 * @param {unknown} details
 * @returns {Uint8Array | undefined}
 */
export function encodeDetails(details) {
  if (details === undefined) return undefined;
  return bytesOf(details) ?? encodeJSON("details of an error", /** @type {object | null} */ (details));
}

/**
 * Returns an error's details, parsed as JSON, or the bytes if they are not JSON.
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
