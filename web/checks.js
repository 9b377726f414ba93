// The checks of a page's arguments. hisock/core has none, unless in development.

import { kindOf } from "./errors.js";
import { hooks } from "./hooks.js";
import { bytesOf } from "./payload.js";

const isText = (/** @type {unknown} */ v) => typeof v === "string";
const isFunction = (/** @type {unknown} */ v) => typeof v === "function";
const isBoolean = (/** @type {unknown} */ v) => typeof v === "boolean";
const isBytes = (/** @type {unknown} */ v) => isText(v) || bytesOf(v) !== undefined;
const isWhole = (/** @type {number} */ least, /** @type {number} */ most) => (/** @type {any} */ v) => Number.isInteger(v) && v >= least && v <= most;

const form = '"json", "text", "number", "bigint" or "bytes"';
const time = "milliseconds from above 0 to 2147483647";
const wait = "a number of milliseconds from 1 to 2147483647";

/**
 * The kinds of arguments: what an argument must be, in words, and whether it is.
 *
 * @type {Record<string, (value: any) => boolean>}
 */
const kinds = {
  "a string": isText,
  "made of strings": (v) => v.every(isText),
  "an array of strings": (v) => !isText(v) && isFunction(Object(v)[Symbol.iterator]),
  "a string or bytes": isBytes,
  "a string, bytes or a function that returns one": (v) => isFunction(v) || isBytes(v),
  "a string or a URL": (v) => isText(v) || kindOf(v) === "URL",
  "of ws, wss, http or https": (v) => /^wss?:$/.test(v),
  "a function": isFunction,
  "false or a function": (v) => v === false || isFunction(v),
  "true or false": isBoolean,
  "true, false or a key that is not empty": (v) => isBoolean(v) || (isText(v) && v !== ""),
  "an object": (v) => typeof v === "object" && v !== null && !Array.isArray(v),
  "an AbortSignal": (v) => kindOf(v) === "AbortSignal",
  [form]: (v) => isText(v) && form.includes(JSON.stringify(v)),
  [time]: (v) => typeof v === "number" && v > 0 && v <= 0x7fffffff,
  [wait]: /* @__PURE__ */ isWhole(1, 0x7fffffff),
  "a number of bytes from 512 to 1073741824": /* @__PURE__ */ isWhole(512, 0x40000000),
  "a number of bytes from 1 to 2147483647": /* @__PURE__ */ isWhole(1, 0x7fffffff),
  "an engine": () => true, // checkConnect says which
};

const abortable = { signal: "an AbortSignal" };
const bounded = { signal: "an AbortSignal", timeout: time };
const converted = { as: form, signal: "an AbortSignal" };

/**
 * The options of each method: what each option must be.
 *
 * @type {Record<string, Record<string, string>>}
 */
const methods = {
  connect: {
    name: "a string", groups: "an array of strings", auth: "a string, bytes or a function that returns one", metadata: "an object",
    notices: "true or false", as: form, on: "an object", handle: "an object", handleStream: "an object", engine: "an engine",
    signal: "an AbortSignal", timeout: time, maxFrame: "a number of bytes from 512 to 1073741824",
    queueBytes: "a number of bytes from 1 to 2147483647", retry: "an object", keepSession: "true, false or a key that is not empty",
    log: "false or a function", debug: "a function", onProgress: "a function",
  },
  retry: { off: "true or false", first: "true or false", min: wait, max: wait, for: wait },
  entry: { handler: "a function", as: form },
  on: converted, handle: converted, handleStream: converted,
  call: { as: form, signal: "an AbortSignal", timeout: time },
  send: bounded, drained: bounded, drain: bounded, join: bounded, leave: bounded, rename: bounded,
  waitFor: { as: form, where: "a function", signal: "an AbortSignal", timeout: time },
  commands: converted, recvRaw: abortable, rawMessages: abortable,
  stream: converted, exchange: converted, upload: converted, openBytes: abortable,
};

/** @param {string} method @param {string} [subject] */
const nameOf = (method, subject) => (subject === undefined ? method : `${method} "${subject}"`);

/**
 * Throws unless value is of that kind, such as "a string".
 *
 * @param {string} kind
 * @param {unknown} value
 * @param {string} method or what else value is for
 * @param {string} [subject] of the method, such as a command
 * @param {string} [option]
 */
export function check(kind, value, method, subject, option) {
  if (kinds[kind]?.(value)) return;
  const what = option === undefined ? nameOf(method, subject) : `${nameOf(method, subject)}: ${option}`;
  throw new TypeError(`hisock: ${what}: must be ${kind}, not ${describe(value)}`);
}

/**
 * Throws unless options are an object of known options. A misspelt option is not silently ignored.
 *
 * @param {Record<string, string>} known what each option must be
 * @param {any} options
 * @param {string} method
 * @param {string} [subject]
 */
export function checkAll(known, options, method, subject) {
  check("an object", options, method, subject, "options");
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(known, key)) throw new TypeError(`hisock: ${nameOf(method, subject)}: unknown option "${key}"`);
  }
  for (const key in known) {
    if (options[key] !== undefined) check(/** @type {string} */ (known[key]), options[key], method, subject, key);
  }
}

/**
 * Throws unless options are options of a method.
 *
 * @param {string} method
 * @param {any} options
 * @param {string} [subject]
 */
export function checkOptions(method, options, subject) {
  checkAll(/** @type {Record<string, string>} */ (methods[method]), options, method, subject);
}

/**
 * Throws unless the options of connect are valid, each and together.
 *
 * @param {any} options
 * @param {string[]} engines the engines that there are
 */
export function checkConnect(options, engines) {
  checkAll({ ...methods.connect, ...Object.fromEntries(hooks.map((hook) => [hook, "a function"])) }, options, "connect");
  const { engine, keepSession, notices, onClientConnect, onClientDisconnect, onClientRename, retry = {} } = options;
  checkOptions("retry", retry);
  if (retry.min > retry.max) { // not if one of them is undefined
    throw new TypeError(`hisock: retry.min: must be at most retry.max, ${retry.max}, not ${retry.min}`);
  }
  if (keepSession && retry.off) throw new TypeError("hisock: keepSession contradicts retry.off, with which there is no session");
  if (engine !== undefined && !engines.includes(engine)) {
    throw new TypeError(`hisock: engine: must be ${engines.map((name) => `"${name}"`).join(" or ")}, not ${describe(engine)}`);
  }
  if (notices === false && (onClientConnect || onClientDisconnect || onClientRename)) {
    throw new TypeError("hisock: notices: false contradicts onClientConnect, onClientDisconnect and onClientRename");
  }
}

/** @param {unknown} value */
export function describe(value) {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  if (typeof value === "string" && value.length < 20) return JSON.stringify(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
}
