// What a page and its server send each other, and what the page's handlers are given.

import type { HisockError } from "./failures.js";
import type { Client } from "./hisock.js";

/**
 * The form to which a payload is converted. The receiver chooses it. It is never guessed from the bytes,
 * so a line of text that happens to read `42` or `null` stays text.
 *
 * - `"json"`: the result of JSON.parse, or undefined for an empty payload. This fits a
 *   struct, slice, map, number or bool that a Go server sends. JSON.parse rounds whole numbers beyond
 *   Number.MAX_SAFE_INTEGER in lists and objects; alone such a number does not convert.
 * - `"text"`: a string. This fits a Go string.
 * - `"number"`: a number from decimal text. A whole number that a JavaScript number cannot hold, such as
 *   9007199254740993, does not convert. A fraction is rounded.
 * - `"bigint"`: a bigint from a whole number in decimal text, without a point or an exponent. This fits an
 *   int64, a uint64 and a big.Int of Go.
 * - `"bytes"`: a Uint8Array.
 *
 * If a payload does not convert, the error has the code "bad_payload": the page's own call rejects with it, the
 * server's call is answered with it, and for a command it is reported to onError.
 */
export type As = "json" | "text" | "number" | "bigint" | "bytes";

/** The type of a payload that was converted to the form A. */
export type Value<A extends As, JSON> = A extends "text"
  ? string
  : A extends "number"
    ? number
    : A extends "bigint"
      ? bigint
      : A extends "bytes"
        ? Uint8Array
        : JSON;

/** Bytes in any of the types in which a page may have them, also of another realm. */
export type Bytes = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/**
 * A value that can be sent. Strings, numbers, bigints and booleans are sent as text, buffers as their bytes,
 * undefined as an empty payload, and everything else as JSON, which has no bigints. A number that is not finite cannot
 * be sent. Half of a surrogate pair in a string arrives as U+FFFD.
 *
 * A Blob, a File or a Response is sent as its bytes where they can be waited for: by call, by send and sendRaw with options, and
 * as the answer to a call. Otherwise, and in JSON, objects such as a Map, a Blob or a Promise are refused with a TypeError. So is a view
 * whose buffer was detached or shrunk.
 */
export type Sendable = string | number | bigint | boolean | null | undefined | Bytes | object;

export type CommandHandler<T> = (value: T, info: CommandInfo) => unknown;
export type CallHandler<T> = (value: T, info: CallInfo) => Sendable | void | Promise<Sendable | void>;

export interface CommandInfo {
  readonly command: string;
  /** The payload without a conversion. */
  readonly bytes: Uint8Array;
  /** Whether it is an old message that a group has kept: see {@link Replay}. */
  readonly replayed: boolean;
}

export interface RawInfo {
  /** Whether it is an old message that a group has kept: see {@link Replay}. */
  readonly replayed: boolean;
}

/**
 * A replay gives a page the messages that a group keeps, when the page joins the group or when the server's program
 * wants it: first onReplay is called, then the handlers of the messages, with replayed set, then onReplayed. A page that
 * joins anew, or goes on with the session of the page before, is given no message twice. A server that keeps no messages
 * has no replays.
 */
export interface Replay {
  readonly group: string;
  /** How many commands and raw messages come. */
  readonly messages: number;
  /** How many messages were sent after the last one that the page had, and are not kept any more. */
  readonly missed: number;
  /** Whether nobody knows how many were missed, because the server has forgotten the group or was started again. */
  readonly lost: boolean;
}

export interface CallInfo extends Omit<CommandInfo, "replayed"> {
  /** Aborts when the caller gives up or the connection ends. */
  readonly signal: AbortSignal;
}

export interface Message {
  readonly kind: "command" | "raw";
  /** Empty for a raw message. */
  readonly command: string;
  readonly bytes: Uint8Array;
  /** Whether it is an old message that a group has kept: see {@link Replay}. */
  readonly replayed: boolean;
}

/** A message that was sent and that the server has not acknowledged. */
export interface Undelivered extends Omit<Message, "replayed"> {
  /** Whether it was written. The server may have handled a message that was written. */
  readonly written: boolean;
}

/**
 * Another client: its name, its groups, and its address as the server sees it. Fields that the server does not tell are
 * empty. For onClientRename groups is always empty.
 */
export interface Presence {
  readonly name: string;
  readonly groups: string[];
  readonly address: string;
}

/**
 * The state of a client. It is "connecting" before the first connection, and "reconnecting" while it tries to come back
 * after its connection has broken off. When it is "connected" again, {@link Client.onState} is called with "resumed" if
 * nothing was lost. If the server has given the client up, onState is called with "disconnected" first, perhaps with
 * "reconnecting" again, and with "connected" when the client has joined anew.
 */
export type State = "connecting" | "connected" | "reconnecting" | "disconnected";

export interface CallOptions<A extends As> {
  /** The form of the answer. The form of the connection's options unless set. */
  as?: A;
  /** Gives up the call when it aborts, here and at the server. The promise rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds after which the call is given up with code "deadline_exceeded". No limit unless set. */
  timeout?: number;
}

/** Values that are sent one after the other. */
export type Items = AsyncIterable<Sendable> | Iterable<Sendable>;

export interface StreamOptions<A extends As> {
  /** The form of the items or of the answer. The form of the connection's options unless set. */
  as?: A;
  /** Ends the stream when it aborts, here and at the server. The page is given its reason. */
  signal?: AbortSignal;
}

/** Both directions of a stream of bytes. writable takes {@link Bytes}. */
export interface ByteStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Bytes>;
}

export type StreamHandler<T> = (value: T, info: StreamInfo<T>) => Items | Promise<Items>;

export interface StreamInfo<T = unknown> extends CallInfo {
  /** What the server sends, in the form of the handler. */
  readonly items: AsyncGenerator<T, void, void>;
}

/** How far a stream came, in items, or in bytes of a stream of bytes. */
export interface StreamProgress {
  /** How many the page has taken. */
  readonly taken: number;
  /** How many were sent, and how many are known to have arrived. */
  readonly sent: number;
  readonly delivered: number;
}

/** Bounds of a wait. */
export interface WaitOptions {
  /** Gives up waiting when it aborts. The promise rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds after which waiting is given up with code "deadline_exceeded". No limit unless set. */
  timeout?: number;
}

export interface HandlerOptions<A extends As> {
  /** The form of the payload. The form of the connection's options unless set. */
  as?: A;
  /** Removes the handler when it aborts. */
  signal?: AbortSignal;
}

export interface WaitForOptions<A extends As, T> extends WaitOptions {
  /** The form of the payload. The form of the connection's options unless set. */
  as?: A;
  /** Says which command is waited for. Unless set, it is the next one. */
  where?: (value: T, info: CommandInfo) => unknown;
}

/** How a client has changed, for {@link Client.onState} and its events. */
export interface StateChange {
  readonly state: State | "resumed";
  readonly why: HisockError | null;
}

/**
 * The events of a client as an EventTarget. "state" comes for every change of the state. "connected" and "resumed" come
 * when the client has joined and when it goes on, "offline" when its connection has broken off and it tries to come back,
 * and "closed" when it has ended for good.
 */
export interface ClientEvents {
  state: CustomEvent<StateChange>;
  connected: CustomEvent<StateChange>;
  resumed: CustomEvent<StateChange>;
  offline: CustomEvent<StateChange>;
  closed: CustomEvent<StateChange>;
}

export interface ChangeOptions {
  /** Gives up waiting when it aborts: the server may or may not have made the change. The promise rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds after which waiting is given up with code "deadline_exceeded". No limit unless set. */
  timeout?: number;
}

/** A group that the server keeps a client out of. */
export interface RefusedGroup {
  readonly group: string;
  /** The server's reason. */
  readonly why: HisockError;
}
