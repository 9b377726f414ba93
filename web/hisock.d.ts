// hisock in the browser: named commands, calls, groups and raw messages over one
// WebSocket to a Go server.

/**
 * Connects to a server and resolves once it has welcomed the client.
 *
 * A relative URL is resolved against the page; http and https stand for ws and wss.
 * Handlers may be given in the options or registered afterwards: what the server sends
 * at once is held back until whoever awaits the connection has had its turn.
 *
 * What time may heal is tried again, with waits as {@link Retry} says, and each failure told to
 * onState: a server that cannot be reached, is full or restarts, a bundle that cannot be loaded from it.
 * It rejects with a {@link HisockError} if the server refuses the client for good or the time is over,
 * with the signal's reason if that aborts, and with a TypeError if an argument is not what it
 * must be. Nothing is left behind then.
 */
export function connect(url: string | URL, options?: ConnectOptions): Promise<Client>;

export interface ConnectOptions {
  /** What the client wants to be called. Without it, it has no name. */
  name?: string;
  /** The groups that it joins as it connects; with a session that is kept, those of them that it is not in. */
  groups?: Iterable<string>;
  /**
   * What the server asks for to let the client in. A function is asked each time that the client joins:
   * as it connects, and again if the server has given it up meanwhile. One that fails, or takes longer
   * than 15 s, is an attempt that has failed, and the client tries again, unless the failure is a
   * {@link HisockError} with a code that is final, such as "unauthorized". The signal aborts when
   * the auth is not needed any more.
   */
  auth?: string | Bytes | ((signal: AbortSignal) => string | Bytes | Promise<string | Bytes>);
  /** What the server may know besides. */
  metadata?: Record<string, string>;
  /**
   * Asks the server to tell of other clients that come, go and change their names. It is
   * implied by onClientConnect, onClientDisconnect and onClientRename in these options. The server decides whom
   * it tells of whom, and what; one that tells nobody says so, and onError gets a {@link HisockError} with code
   * "unsupported".
   */
  notices?: boolean;
  /** What payloads are turned into where a handler or call does not say. "json" unless set. */
  as?: As;

  /** Handlers of commands, as {@link Client.on} takes them. */
  on?: Record<string, CommandHandler<any> | Entry<CommandHandler<any>>>;
  /** Handlers of calls, as {@link Client.handle} takes them. */
  handle?: Record<string, CallHandler<any> | Entry<CallHandler<any>>>;
  onRaw?: (bytes: Uint8Array, info: RawInfo) => unknown;
  onMessage?: (message: Message) => unknown;
  onState?: (state: State | "resumed", why: HisockError | null) => unknown;
  onError?: (err: unknown) => unknown;
  onMissed?: (n: number) => unknown;
  onReplay?: (replay: Replay) => unknown;
  onReplayed?: (replay: Replay) => unknown;
  onUndelivered?: (messages: Undelivered[]) => unknown;
  onClientConnect?: (who: Presence) => unknown;
  onClientDisconnect?: (who: Presence) => unknown;
  onClientRename?: (old: string, who: Presence) => unknown;
  onRename?: (old: string, name: string) => unknown;
  onJoinGroup?: (group: string) => unknown;
  onLeaveGroup?: (group: string) => unknown;

  /** Gives up connecting. It has no effect on a client that is connected. */
  signal?: AbortSignal;
  /**
   * How long connecting may take, in milliseconds. Without end unless set, since connecting is tried
   * again and again; 30,000 if it is tried once.
   */
  timeout?: number;
  /** The greatest frame that is read, in bytes, from 512 to 1 GiB. 1 MiB unless set. */
  maxFrame?: number;
  /**
   * How many bytes may wait: half of it to be written, and all together with what the server has not
   * acknowledged yet. 1 MiB unless set.
   */
  queueBytes?: number;
  /** How the client connects, and comes back when its connection has broken off. */
  retry?: Retry;
  /** Takes warnings instead of console.warn. false takes none. */
  log?: Log | false;
  /**
   * Keeps the session when the page is left, so that the next page of this tab goes on with it, after a
   * reload for one: connect with the same option, URL and name. It has the name and the groups that it
   * had, is sent once what the server sent meanwhile, and sends what this page had not got through.
   * The server sees no leaving, and waits for the next page as long as for any client that is away.
   * Without this the page says goodbye.
   *
   * The session is put into the tab's session storage, under a string if that is given, else under the
   * URL; clients of one page need different ones. It holds a secret: whoever reads it is the client. With
   * people who sign in and out, let the string say who it is.
   */
  keepSession?: boolean | string;
}

/**
 * Takes what nobody else is told: among it a command that nobody handles and a payload that does
 * not convert, if there is no onError. Of warnings with the same message the first five are
 * shown, and then one every 10 seconds, with left_out in its details for the others. Texts in them
 * are cut to 512 characters.
 */
export type Log = (message: string, details: Record<string, string | number>) => unknown;

/** Times are in milliseconds. */
export interface Retry {
  /** The client stays away: it ends with its connection. */
  off?: boolean;
  /**
   * Connecting is tried again and again as well, until it succeeds, a failure is final, the signal
   * aborts or the time is over: true unless set, or unless off is. onState says "connecting" for each attempt
   * that failed, with why.
   */
  first?: boolean;
  /**
   * An attempt is made after a random time below a limit, which is min first and doubles with each
   * attempt up to max, and never sooner than the server asks for. 500 and 20,000 unless set; if one of them is
   * set, the other is moved to it where it would be on the wrong side of it.
   */
  min?: number;
  max?: number;
  /** How long the client tries before it gives up. Without end unless set. */
  for?: number;
}

/** A handler together with what it takes. */
export interface Entry<Handler> {
  handler: Handler;
  as?: As;
}

/**
 * What a payload is turned into. The receiver says it; the bytes are never guessed at,
 * so a line of text that happens to read `42` or `null` stays text.
 *
 * - `"json"`: what JSON.parse makes of it, undefined if it is empty. This fits what a Go
 *   server sends as a struct, slice, map, number or bool. Within a list or an object JSON.parse
 *   rounds whole numbers beyond Number.MAX_SAFE_INTEGER.
 * - `"text"`: a string. This fits a Go string.
 * - `"number"`: a number in decimal. A whole number that a number cannot hold, such as
 *   9007199254740993, does not convert, which is so for `"json"` too; a fraction is rounded.
 * - `"bigint"`: a bigint, of a whole number in decimal, without a point or an exponent. This fits an
 *   int64, a uint64 and a big.Int of Go.
 * - `"bytes"`: a Uint8Array.
 *
 * A payload that does not convert makes a call reject with code "bad_payload"; for a
 * handler it is answered with that, or reported to onError.
 */
export type As = "json" | "text" | "number" | "bigint" | "bytes";

/** The type of a payload turned into A. */
export type Value<A extends As, JSON> = A extends "text"
  ? string
  : A extends "number"
    ? number
    : A extends "bigint"
      ? bigint
      : A extends "bytes"
        ? Uint8Array
        : JSON;

/** Bytes in any of the shapes in which a page has them. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/**
 * What can be sent. Strings, numbers, bigints and booleans go as text, buffers as they are,
 * undefined as nothing at all, and everything else as JSON, which has no bigints. A half of a surrogate
 * pair in a string arrives as U+FFFD.
 */
export type Sendable = string | number | bigint | boolean | null | undefined | Bytes | object;

export type CommandHandler<T> = (value: T, info: CommandInfo) => unknown;
export type CallHandler<T> = (value: T, info: CallInfo) => Sendable | void | Promise<Sendable | void>;

export interface CommandInfo {
  readonly command: string;
  /** The payload as it came. */
  readonly bytes: Uint8Array;
  /** Whether it was sent to a group before, and kept: see {@link Replay}. */
  readonly replayed: boolean;
}

export interface RawInfo {
  /** As that of a command. */
  readonly replayed: boolean;
}

/**
 * What a page is given of what a group keeps, as it joins the group or when the server wants it to: first
 * onReplay, then the messages, with replayed set, then onReplayed. A page that joins anew, or goes on with
 * the session of the page before, is given nothing twice. In a group of a server that keeps nothing there are no
 * replays.
 */
export interface Replay {
  readonly group: string;
  /** How many commands and raw messages come. */
  readonly messages: number;
  /** How many were sent after the last that the page had, and are not kept any more. */
  readonly missed: number;
  /** Whether nobody knows how many, since the server has forgotten what it had sent, or is another one. */
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
  /** As that of a command. */
  readonly replayed: boolean;
}

/** What was sent and the server has not acknowledged. */
export interface Undelivered extends Omit<Message, "replayed"> {
  /** Whether it was written, so that the server may have handled it. */
  readonly written: boolean;
}

/**
 * Another client: its name, its groups and its address as the server sees it. What the server does not tell is empty,
 * and of a client that changes its name the groups always are.
 */
export interface Presence {
  readonly name: string;
  readonly groups: string[];
  readonly address: string;
}

/**
 * "connecting" is told with why for each attempt to connect that failed. "reconnecting" is a client whose connection has broken off and who tries to come back. Then it is
 * "connected" again, with nothing lost in between if {@link Client.onState} says "resumed"; if it
 * says "disconnected" first, the server has given the client up, and it has joined anew.
 */
export type State = "connecting" | "connected" | "reconnecting" | "disconnected";

export interface CallOptions<A extends As> {
  /** What the reply is turned into. The connection's default unless set. */
  as?: A;
  /** Gives up the call, here and at the server. The promise rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds after which the call is given up with code "deadline_exceeded". */
  timeout?: number;
}

export interface ChangeOptions {
  /** Gives up waiting: the change may have been made or not. The promise rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds after which waiting is given up with code "deadline_exceeded". */
  timeout?: number;
}

export interface DrainOptions {
  /** Gives up waiting: the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds after which waiting is given up with code "deadline_exceeded". */
  timeout?: number;
}

/** A group that the server keeps a client out of. */
export interface RefusedGroup {
  readonly group: string;
  /** As the server says. */
  readonly why: HisockError;
}

/**
 * A connection to a server.
 *
 * Handlers run one after the other, in the order in which things arrived. A handler
 * that is async gives way to the next at its first await. One that throws or rejects is
 * reported to onError, or like any other uncaught error where there is no such
 * handler; it does not end the connection.
 *
 * Names of commands are up to 256 bytes, without control characters, characters that nobody sees, white
 * space other than U+0020, and spaces at their ends. The names of the events of hisock, such as "join" or
 * "message", are refused.
 */
export interface Client {
  /** What the server calls the client; empty if it has no name. */
  readonly name: string;
  /** The groups that the client is in, sorted; after the end, those that it was in. */
  readonly groups: string[];
  /**
   * Those of the groups in the options that the server keeps the client out of, with why: as it was said
   * when the client joined last, be it anew.
   */
  readonly refusedGroups: RefusedGroup[];
  readonly state: State;
  /**
   * Whether the client has gone on with the session of the page before ({@link ConnectOptions.keepSession})
   * as it connected: then the server has not seen a newcomer, and onState has said "resumed" first.
   */
  readonly resumed: boolean;
  /**
   * Resolves when the client has ended for good: with null if this side closed it, else with the
   * reason. It never rejects.
   */
  readonly closed: Promise<HisockError | null>;

  /**
   * Adds a handler of a command. Several run in the order in which they were added.
   * The function that is returned removes it.
   */
  on<T = unknown, A extends As = "json">(
    command: string,
    fn: CommandHandler<Value<A, T>>,
    options?: { as?: A },
  ): () => void;
  /** Removes one handler of a command, or all of them. */
  off(command: string, fn?: CommandHandler<any>): void;

  /**
   * Sets the handler of calls by the server. What it returns or resolves to is the answer.
   * If it throws a {@link HisockError} the server is told its code, message, retryAfter and
   * details; of any other failure only that there was one. Calls run side by side and may start
   * in another order than the server made them in. The function that is returned removes it.
   *
   * It throws a TypeError if the command has such a handler already.
   */
  handle<T = unknown, A extends As = "json">(
    command: string,
    fn: CallHandler<Value<A, T>>,
    options?: { as?: A },
  ): () => void;

  /**
   * Queues a command. It returns when it is queued, not when it is delivered, and throws
   * a {@link HisockError} if it cannot be: "not_connected", "bad_name", "too_big", or
   * "queue_full" when too much waits. Then nothing was queued, the connection goes on, and
   * {@link Client.drained} tells when there is room.
   */
  send(command: string, value?: Sendable): void;

  /**
   * Resolves once there is room in the queue to the server for a quarter of queueBytes, and for the last
   * that was sent, if that was refused with "queue_full". It waits while the client is reconnecting. It
   * rejects with a {@link HisockError} when the connection has ended, and when its signal or timeout
   * ends it.
   *
   *     for (const chunk of chunks) {
   *       await client.drained();
   *       client.send("chunk", chunk);
   *     }
   */
  drained(options?: DrainOptions): Promise<void>;

  /**
   * Calls the server and resolves with its answer. It rejects with a {@link HisockError}:
   * the server's (remote is true then) or one of this side, among them those of send.
   */
  call<T = unknown, A extends As = "json">(
    command: string,
    value?: Sendable,
    options?: CallOptions<A>,
  ): Promise<Value<A, T>>;

  /** Queues a raw message: bytes, or the UTF-8 of a string, without a name. It throws as send does. */
  sendRaw(bytes: string | Bytes): void;
  /**
   * Waits for the next raw message. While nobody waits and there is no handler of raw
   * messages, up to 256 of them and 1 MiB are kept. Once the connection has ended and
   * those are taken it rejects with why it ended.
   */
  recvRaw(options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  /** Adds a handler of raw messages that no recvRaw waits for. */
  onRaw(fn: (bytes: Uint8Array, info: RawInfo) => unknown): () => void;

  /**
   * Asks the server to let the client join or leave a group, or to call it something else (nothing, if
   * name is empty), and resolves once the server has answered: then {@link Client.groups} and
   * {@link Client.name} say so already. They reject as call does, among others with "unauthorized",
   * "too_many_groups", "name_taken", "bad_name", or "rate_limit", whose retryAfter says when
   * to ask again.
   */
  join(group: string, options?: ChangeOptions): Promise<void>;
  leave(group: string, options?: ChangeOptions): Promise<void>;
  rename(name: string, options?: ChangeOptions): Promise<void>;
  /**
   * Adds a handler that runs when the server says that the client is called something else now, has
   * joined a group or has left one: because this side asked for it, or on its own account. It runs
   * once for each change, with the old and the new name, or the group.
   */
  onRename(fn: (old: string, name: string) => unknown): () => void;
  onJoinGroup(fn: (group: string) => unknown): () => void;
  onLeaveGroup(fn: (group: string) => unknown): () => void;

  /** Adds a handler of every command, after its own, and of raw messages as onRaw does. */
  onMessage(fn: (message: Message) => unknown): () => void;
  /**
   * Adds a handler of changes of the state, with the reason when it is "disconnected" or "reconnecting", or
   * when it is "connecting" since an attempt failed.
   */
  onState(fn: (state: State | "resumed", why: HisockError | null) => unknown): () => void;
  /**
   * Adds a handler of what no caller can be told: a payload that does not convert, a handler
   * that failed, an answer or details that cannot be sent, a command that nobody handles, a raw message for which there was no room.
   */
  onError(fn: (err: unknown) => unknown): () => void;
  /**
   * Adds a handler of the server's saying that n more frames were dropped on their way here, as its
   * options allow for a page that does not keep up. Each is told of once, also after
   * the client has come back.
   */
  onMissed(fn: (n: number) => unknown): () => void;
  /**
   * Adds a handler that runs before the page is given what a group keeps, each time that it joins one of a
   * server that keeps something: then onReplay says what was missed. onReplayed runs behind it, when all that comes
   * is new. What the server has dropped on its way here is told to onMissed only.
   */
  onReplay(fn: (replay: Replay) => unknown): () => void;
  onReplayed(fn: (replay: Replay) => unknown): () => void;
  /**
   * Adds a handler of what was sent over a connection that has ended, and that the server has not
   * acknowledged: commands and raw messages, in order. It is told before "disconnected", and is how a page
   * keeps what it could not deliver and sends it again. A session that was kept and that the
   * server has given up leaves such messages too: they are told as the new client connects, so
   * give the handler to connect.
   */
  onUndelivered(fn: (messages: Undelivered[]) => unknown): () => void;
  /**
   * Adds a handler of other clients' coming, going or changing their name. They throw a
   * {@link HisockError} with code "unsupported" if the connection was not made with notices.
   */
  onClientConnect(fn: (who: Presence) => unknown): () => void;
  onClientDisconnect(fn: (who: Presence) => unknown): () => void;
  onClientRename(fn: (old: string, who: Presence) => unknown): () => void;

  /**
   * Makes a client that waits to come back try at once. It does so by itself when the browser is online
   * again and when the page is shown again.
   */
  retryNow(): void;

  /**
   * Ends the connection in order: what is queued is sent first. Calls that wait for an answer
   * reject with code "closed". It resolves when all is over, and may be called again.
   */
  close(): Promise<void>;
}

/** The codes that a server, or this side in its place, can fail with. */
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
  | "deadlock";

/**
 * What kind of failure it is: a name for hisock's own, a number from 1000 on for those of
 * the program. "load_failed" and "crashed" are about the Go program in the page: it
 * could not be loaded, or it has ended. The next connect starts it anew.
 */
export type ErrorCode = PeerErrorCode | "load_failed" | "crashed" | number;

/** Every failure that hisock reports, but for a TypeError where an argument is wrong. */
export class HisockError extends Error {
  /**
   * Makes an error, for a handler of calls to fail with: the server is told all of it but the
   * cause. A number below 1000 is a TypeError. Up to 1,024 bytes of the message travel. Details
   * are JSON, or bytes as they are; what is no JSON goes to onError instead, and what does not fit a
   * frame of the server's is left out.
   */
  constructor(
    code: ErrorCode,
    message: string,
    more?: { remote?: boolean; retryAfter?: number; details?: unknown; cause?: unknown },
  );
  readonly code: ErrorCode;
  /** Whether the server reported it rather than this side found it. */
  readonly remote: boolean;
  /** How long the server asks the client to wait or stay away, in milliseconds. 0 if it does not. */
  readonly retryAfter: number;
  /**
   * What the server's program adds to a failure: what JSON.parse makes of it, or a Uint8Array if it
   * is no JSON. undefined if there is nothing.
   */
  readonly details: any;
}

/** @internal For the tests of this package. */
export const internals: {
  stats(): Promise<{ clients: number; callbacks: number }>;
  crash(): Promise<void>;
};
