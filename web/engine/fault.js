// Failures of this side and of the server.

import { HisockError, nameOf, numberOf, wordsOf } from "../errors.js";
import { decodeDetails } from "../payload.js";

/**
 * Returns the error for a failure that the server reports. It has the server's message, if there is one.
 *
 * @param {{ code: number, reason: string, retryAfter: number, details?: Uint8Array | undefined }} why
 */
export function fromServer({ code, reason, retryAfter, details }) {
  const err = new HisockError("internal", reason, { remote: true, retryAfter, details: details && decodeDetails(details) });
  err.code = nameOf(code);
  err.message ||= `hisock: peer: ${wordsOf(err.code)}`;
  return err;
}

/**
 * Returns the goodbye for an error of this side.
 *
 * @param {import("../hisock.d.ts").ErrorCode} code
 * @param {string} reason
 * @returns {import("./wire.js").Goodbye}
 */
export const goodbye = (code, reason) => ({ code: numberOf(code), reason, retryAfter: 0, details: undefined });

/**
 * Returns err as a HisockError.
 *
 * @param {unknown} err
 */
export function typed(err) {
  if (err instanceof HisockError) return err;
  return new HisockError("internal", err instanceof Error ? err.message : String(err), { cause: err });
}

// docs/delivery.md has the same table.
const passing = new Set([
  "internal", "canceled", "deadline_exceeded", "hello_timeout", "too_many_conns", "slow_consumer", "heartbeat", "shutdown", "too_many_calls",
  "rate_limit", "write_timeout", "not_connected", "conn_lost", "unavailable", "overloaded", "session_over", "queue_full",
]);

/**
 * Reports whether a client tries again after an error.
 *
 * @param {HisockError} why
 * @param {boolean} trying the client has been welcomed before and tries to come back
 */
export function comesBack(why, trying) {
  return passing.has(/** @type {string} */ (why.code)) || (trying && (why.code === "not_native" || why.code === "name_taken")) || why.retryAfter > 0;
}
