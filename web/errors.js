// HisockError, and what all modules need of errors.

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

/** Returns a code in words. @param {ErrorCode} code */
export const wordsOf = (code) => (typeof code === "number" ? `code ${code}` : code.replaceAll("_", " "));

const brand = Symbol.for("hisock error");

export class HisockError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} [message] the code in words unless set
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
    super(message ?? wordsOf(code), more.cause === undefined ? undefined : { cause: more.cause });
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
 * Returns the name of the built-in class of a value, also of a value of another realm. An object of a class of the page
 * is an "Object".
 *
 * @param {unknown} value
 */
export const kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
