// HisockError, and the checks of a page's arguments.

/** @typedef {import("./hisock.d.ts").ErrorCode} ErrorCode */

// The first number that a program may give a meaning of its own.
const firstApplicationCode = 1000;

// The names of the protocol's codes, by the codes' numbers from 1, which core/wire lists. The names are part of
// the API and keep their spelling. An engine sends and receives the numbers.
/** @type {readonly import("./hisock.d.ts").PeerErrorCode[]} */
const names = [
  "internal", "canceled", "deadline_exceeded", "unknown_command", "bad_payload", "bad_name",
  "too_big", "protocol", "version", "not_native", "hello_timeout", "too_many_conns", "name_taken",
  "slow_consumer", "heartbeat", "shutdown", "closed", "unauthorized", "unknown_client",
  "ambiguous_name", "unknown_group", "too_many_groups", "too_many_calls", "rate_limit",
  "unsupported", "write_timeout", "not_connected", "conn_lost", "idle", "replaced", "unavailable",
  "overloaded", "session_over", "queue_full", "deadlock", "not_found",
];

/**
 * Returns the name of a code, or its number if it has no name: a code of a program, or a code of a newer peer.
 *
 * @param {number} number
 * @returns {ErrorCode}
 */
export const nameOf = (number) => names[number - 1] ?? number;

/**
 * Returns the number of a code. The codes that exist only in the page have none: for a peer they are an internal error.
 *
 * @param {ErrorCode} code
 */
export function numberOf(code) {
  if (typeof code === "number") return code;
  return names.indexOf(/** @type {any} */ (code)) + 1 || 1;
}

const brand = Symbol.for("hisock error");

export class HisockError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{ remote?: boolean, retryAfter?: number, details?: unknown, cause?: unknown }} [more]
   */
  constructor(code, message, more = {}) {
    if (typeof code === "number") {
      if (!Number.isInteger(code) || code < firstApplicationCode || code > 0xffffffff) {
        throw new TypeError(`hisock: error code ${code}: a number must be from ${firstApplicationCode} to 4294967295`);
      }
    } else if (typeof code !== "string") {
      throw new TypeError("hisock: error code: must be a name or a number");
    }
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    /** @type {ErrorCode} */
    this.code = code;
    /** @type {boolean} */
    this.remote = more.remote === true;
    /** @type {number} */
    this.retryAfter = more.retryAfter ?? 0;
    /** @type {any} */
    this.details = more.details;
    /** @type {import("./hisock.d.ts").StreamProgress | undefined} */
    this.progress = undefined;
    /** @type {number} */
    this.status = 0;
  }

  /**
   * Reports whether value is an error of this module, or of another copy of it that the page has.
   *
   * @override
   * @param {any} value
   */
  static [Symbol.hasInstance](value) {
    return this === HisockError ? value?.[brand] === true : Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

Object.defineProperty(HisockError.prototype, brand, { value: true });

// The name is a property of the prototype, as for every class of errors.
Object.defineProperty(HisockError.prototype, "name", { value: "HisockError", configurable: true, writable: true });

/**
 * Reports an error as an uncaught one. Node does not have the function of browsers.
 *
 * @type {(err: unknown) => void}
 */
export const reportError = globalThis.reportError ?? ((err) => queueMicrotask(() => {
  throw err;
}));

/**
 * Throws unless value is a string, and returns it.
 *
 * @param {string} what
 * @param {unknown} value
 */
export function needString(what, value) {
  if (typeof value !== "string") {
    throw new TypeError(`hisock: ${what}: must be a string, not ${describe(value)}`);
  }
  return value;
}

/**
 * Throws unless value is a function.
 *
 * @param {string} what
 * @param {unknown} value
 */
export function needFunction(what, value) {
  if (typeof value !== "function") {
    throw new TypeError(`hisock: ${what}: must be a function, not ${describe(value)}`);
  }
}

/**
 * Throws unless value is an object and all its keys are known, so that
 * a misspelt option is not silently ignored.
 *
 * @param {string} what
 * @param {unknown} value
 * @param {readonly string[]} known
 */
export function needOptions(what, value, known) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`hisock: ${what}: must be an object, not ${describe(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new TypeError(`hisock: ${what}: unknown option "${key}"`);
    }
  }
}

/**
 * Throws unless value is undefined or a number of milliseconds above 0 and up to 2147483647.
 *
 * @param {string} what
 * @param {unknown} value
 */
export function needTimeout(what, value) {
  if (value === undefined) return;
  if (typeof value !== "number" || !(value > 0) || value > 0x7fffffff) {
    throw new TypeError(`hisock: ${what}: must be milliseconds from above 0 to 2147483647, not ${describe(value)}`);
  }
}

/**
 * Throws unless value is undefined or an AbortSignal.
 *
 * @param {string} what
 * @param {unknown} value
 */
export function needSignal(what, value) {
  if (value !== undefined && kindOf(value) !== "AbortSignal") {
    throw new TypeError(`hisock: ${what}: must be an AbortSignal, not ${describe(value)}`);
  }
}

/**
 * Checks options with a signal or a timeout, or both.
 *
 * @template T
 * @param {string} what
 * @param {T} options
 * @param {readonly string[]} known
 */
export function needWait(what, options, known) {
  needOptions(what, options, known);
  const { signal, timeout } = /** @type {{ signal?: AbortSignal, timeout?: number }} */ (options);
  needSignal(`${what}: signal`, signal);
  needTimeout(`${what}: timeout`, timeout);
  return options;
}

/**
 * Returns the name of the built-in class of a value, also of a value of another realm. An object of a class of the page
 * is an "Object".
 *
 * @param {unknown} value
 */
export const kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

/** @param {unknown} value */
export function describe(value) {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
}
