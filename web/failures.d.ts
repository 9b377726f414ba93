// The errors of hisock.

import type { connect } from "./hisock.js";
import type { StreamProgress } from "./messages.js";

/** The codes of errors from the server, which this side uses too. core.Code of the Go package explains them. */
export type PeerErrorCode =
  | "internal"
  | "canceled"
  | "deadline_exceeded"
  | "unknown_command"
  | "bad_payload"
  | "bad_name"
  | "too_big"
  | "protocol"
  | "version"
  | "not_native"
  | "hello_timeout"
  | "too_many_conns"
  | "name_taken"
  | "slow_consumer"
  | "heartbeat"
  | "shutdown"
  | "closed"
  | "unauthorized"
  | "unknown_client"
  | "ambiguous_name"
  | "unknown_group"
  | "too_many_groups"
  | "too_many_calls"
  | "rate_limit"
  | "unsupported"
  | "write_timeout"
  | "not_connected"
  | "conn_lost"
  | "idle"
  | "replaced"
  | "unavailable"
  | "overloaded"
  | "session_over"
  | "queue_full"
  | "deadlock"
  | "not_found";

/**
 * The kind of a failure: a name for a code of hisock, a number from 1000 on for a code of
 * the program. "load_failed" and "crashed" are failures of the Go program in the page: it
 * could not be loaded, or it has ended. The next connect starts it anew.
 */
export type ErrorCode = PeerErrorCode | "load_failed" | "crashed" | number;

/** Every failure that hisock reports is a HisockError, except a TypeError for an invalid argument. */
export class HisockError extends Error {
  /**
   * Makes an error with which a handler of calls can fail. The server is told everything but the
   * cause. Numbers below 1000 throw a TypeError. Up to 1,024 bytes of the message travel. Details that are bytes travel
   * as they are, all others as JSON. Details without a form in JSON are reported to onError, and details that do not
   * fit into a frame that the server reads are left out.
   */
  constructor(
    code: ErrorCode,
    message: string,
    more?: { remote?: boolean; retryAfter?: number; details?: unknown; cause?: unknown },
  );
  readonly code: ErrorCode;
  /** Whether the server reported the failure. false means that this side found it. */
  readonly remote: boolean;
  /** How long the server asks the client to wait or stay away, in milliseconds. 0 if it does not ask. */
  readonly retryAfter: number;
  /**
   * Details that the server's program has added: the result of JSON.parse, or a Uint8Array if they
   * are not JSON. undefined if there are none.
   */
  readonly details: any;
  /** For the error of a stream that was opened, how far the stream came. */
  readonly progress: StreamProgress | undefined;
  /** The HTTP status with which the address answers a plain request, for an error of {@link connect}. 0 if it is not known. */
  readonly status: number;
}
