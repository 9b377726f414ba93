// hisock in the browser: named commands, calls, groups and raw messages over one
// WebSocket to a Go server.

import type { HisockError } from "./failures.js";
import type {
  As, ByteStreams, Bytes, CallHandler, CallOptions, ChangeOptions, ClientEvents, CommandHandler, HandlerOptions, Items, Message, Presence,
  RawInfo, RefusedGroup, Replay, Sendable, State, StreamHandler, StreamOptions, Undelivered, Value, WaitForOptions, WaitOptions,
} from "./messages.js";
import type { ConnectOptions, Retry } from "./settings.js";
import type { Commands, TypedClient, TypedOptions } from "./typed.js";

export * from "./failures.js";
export * from "./messages.js";
export * from "./settings.js";
export * from "./typed.js";

/**
 * Connects to a server. The promise resolves once the server has welcomed the client.
 *
 * A relative URL is resolved against the page, as fetch does it. The schemes http and https mean ws and wss.
 * Handlers may be given in the options, or registered right after the promise has resolved: the client holds back
 * messages until the code that awaits the promise has run.
 *
 * After a failure that time may heal, connect tries again, with waits as {@link Retry} says: the server cannot be
 * reached, is full or restarts, or the bundle cannot be loaded. onState is told of each such failure.
 * The promise rejects with a {@link HisockError} if the server refuses the client for good or the time is over,
 * with the signal's reason if the signal aborts, and with a TypeError if an argument is invalid. A rejected connect
 * leaves no connection open.
 *
 * A browser does not tell a page why there was no connection. After the first attempt that has failed so, and after the last
 * one, the page asks the same address by fetch. The error's message says what it answers, and {@link HisockError.status} is the status.
 */
export function connect(url: string | URL, options?: ConnectOptions): Promise<Client>;
/** Connects, with the types of what the page and its server say to each other: see {@link Commands}. */
export function connect<C extends Commands = never>(
  url: string | URL,
  options?: [C] extends [never] ? never : TypedOptions<C>,
): Promise<TypedClient<C>>;

/**
 * A client of a server, over one connection or several, one after the other.
 *
 * Handlers run one after the other, in the order in which messages and events arrived. An async handler
 * gives way to the next one at its first await. If a handler throws or rejects, onError is told; without onError it
 * is an uncaught error of the page. The connection goes on.
 *
 * The name of a command has 256 bytes at most. It has no control characters, no invisible characters, no white
 * space other than U+0020, and no space at its ends. The names of hisock's own events, such as "join" or
 * "message", are refused.
 */
export interface Client extends EventTarget {
  /**
   * The client's name. Empty if the client has no name. A handler sees the name that the client had as the handler's message or
   * event came.
   */
  readonly name: string;
  /** The groups that the client is in, sorted. After the end, the groups that it was in. */
  readonly groups: string[];
  /**
   * The groups of the options that the server kept the client out of when it last joined the server, each with
   * the server's reason.
   */
  readonly refusedGroups: RefusedGroup[];
  readonly state: State;
  /**
   * Whether connect has gone on with the session of the page before ({@link ConnectOptions.keepSession}).
   * If it is true, the server has not seen a new client, and onState was first called with "resumed".
   */
  readonly resumed: boolean;
  /**
   * Resolves when the client has ended for good: with null if this side closed it, and otherwise with the
   * reason. It never rejects.
   */
  readonly closed: Promise<HisockError | null>;

  /**
   * Adds a handler of a command. Several handlers run in the order in which they were added.
   * The function that on returns removes the handler. Once the page has called close, no handler is given a message any more.
   */
  on<T = unknown, A extends As = "json">(
    command: string,
    fn: CommandHandler<Value<A, T>>,
    options?: HandlerOptions<A>,
  ): () => void;
  /** Does what on does, for one command whose payload converts. */
  once<T = unknown, A extends As = "json">(
    command: string,
    fn: CommandHandler<Value<A, T>>,
    options?: HandlerOptions<A>,
  ): () => void;
  /**
   * Resolves with the value of the next command of that name for which where returns true. It rejects with code "deadline_exceeded" after
   * the timeout, with the signal's reason, with what where throws, and with a {@link HisockError} when the client ends.
   * Commands that come before it is called, or between two calls, are not kept: {@link Client.commands} keeps them.
   */
  waitFor<T = unknown, A extends As = "json">(command: string, options?: WaitForOptions<A, Value<A, T>>): Promise<Value<A, T>>;
  /**
   * Yields the values of all commands of that name that come after the call of this method. Up to 10,000 commands and 8 MiB wait for
   * the iteration; if more come, the iteration fails behind them with code "slow_consumer". A server that must wait for
   * a page sends a stream. The iteration ends when this side closes the client, and otherwise fails with the reason of the
   * end, or with the signal's reason. Leaving the loop removes the handler.
   *
   *     for await (const line of client.commands<Line>("said", { signal })) show(line);
   */
  commands<T = unknown, A extends As = "json">(command: string, options?: HandlerOptions<A>): AsyncIterableIterator<Value<A, T>>;
  /** Removes the handlers of a command that are fn, or all of them if fn is not given. */
  off(command: string, fn?: CommandHandler<any>): void;

  /**
   * Sets the handler of the server's calls of a command. The value that it returns, or to which its promise resolves,
   * is the answer. If it fails with a {@link HisockError}, the server is told the error's code, message, retryAfter and
   * details. Of any other failure the server is only told that the handler failed. Calls run side by side, and may
   * start in another order than the server made them. The function that handle returns removes the handler.
   *
   * handle throws a TypeError if the command already has a handler of calls.
   */
  handle<T = unknown, A extends As = "json">(
    command: string,
    fn: CallHandler<Value<A, T>>,
    options?: HandlerOptions<A>,
  ): () => void;

  /**
   * Queues a command. It returns when the command is queued, not when it is delivered. It throws a
   * {@link HisockError} if the command cannot be queued: "not_connected", "bad_name", "too_big", or
   * "queue_full" if there is no room in the queue. Then nothing was queued and the connection goes on. After
   * "queue_full", {@link Client.drained} resolves when there is room.
   *
   * With options it waits for room, for the signal and for the timeout, which may both be missing, and takes a Blob. The promise
   * resolves when the command is queued. Messages that wait so, and calls, keep their order. A send without options does not wait behind them.
   */
  send(command: string, value?: Sendable): void;
  send(command: string, value: Sendable, options: WaitOptions): Promise<void>;

  /**
   * Resolves once the queue to the server has room for a quarter of queueBytes, and for the last message if that was
   * refused with "queue_full". It waits while the client is reconnecting. It
   * rejects with a {@link HisockError} when the connection has ended or the timeout is over, and with the signal's
   * reason when the signal aborts.
   *
   *     for (const chunk of chunks) {
   *       await client.drained();
   *       client.send("chunk", chunk);
   *     }
   */
  drained(options?: WaitOptions): Promise<void>;

  /**
   * Calls the server and resolves with its answer. It rejects with a {@link HisockError}:
   * an error from the server, for which remote is true, or an error of this side, including the errors of send except
   * "queue_full": a call waits for room.
   */
  call<T = unknown, A extends As = "json">(
    command: string,
    value?: Sendable,
    options?: CallOptions<A>,
  ): Promise<Value<A, T>>;

  /**
   * Opens a stream and yields the items that its handler at the server sends. The stream is opened when it is iterated
   * over. A break, a return and the end of the signal end it at both ends. The server sends at most 256 KiB, to the Go program 768 KiB, ahead of what
   * the page takes. A stream goes on over a resume, with each item once and in order. Items have at most 1 MiB.
   *
   *     for await (const tick of client.stream<Tick>("ticks", "ACME", { signal })) show(tick);
   *
   * An iterator that the page drops without a return ends its stream when it is collected as garbage.
   * The iteration fails with a {@link HisockError}, whose progress says how far the stream came, or with the signal's reason.
   */
  stream<T = unknown, A extends As = "json">(name: string, arg?: Sendable, options?: StreamOptions<A>): AsyncGenerator<Value<A, T>, void, void>;
  /**
   * Opens a stream, sends the items and resolves with the answer. The next item is asked for when there is room for it. If
   * the server answers before, the rest of the items is left. If the items fail, the stream fails at both ends and upload
   * rejects with their error. Otherwise it rejects as {@link Client.stream} fails.
   */
  upload<T = unknown, A extends As = "json">(name: string, arg: Sendable, items: Items, options?: StreamOptions<A>): Promise<Value<A, T>>;
  /** Opens a stream in which both ends send items: see {@link Client.stream} and {@link Client.upload}. */
  exchange<T = unknown, A extends As = "json">(
    name: string,
    arg: Sendable,
    items: Items,
    options?: StreamOptions<A>,
  ): AsyncGenerator<Value<A, T>, void, void>;
  /**
   * Opens a stream of bytes, for pipeTo and pipeThrough. The server sends at most 256 KiB, to the Go program 768 KiB, ahead of what is read. Closing
   * writable says that all is written, and the server may write on. Cancelling readable, aborting writable and the end of
   * the signal end the stream. It throws as send does.
   *
   * A program that does not read to the end ends the stream so. A stream of which the page has dropped everything ends when
   * that is collected as garbage, unless the page has closed writable: then the server's handler goes on, and what it
   * sends is dropped, up to 256 KiB.
   *
   *     const { readable, writable } = client.openBytes("files", file.name);
   *     await file.stream().pipeTo(writable);
   */
  openBytes(name: string, arg?: Sendable, options?: { signal?: AbortSignal }): ByteStreams;
  /**
   * Sets the handler of streams of that name which the server opens: an async generator, whose items are sent as the
   * server's program takes them. For an upload the handler takes info.items and yields the answer. Errors are told as
   * {@link Client.handle} says. The function that handleStream returns removes the handler.
   */
  handleStream<T = unknown, A extends As = "json">(name: string, fn: StreamHandler<Value<A, T>>, options?: HandlerOptions<A>): () => void;

  /** Queues a raw message: bytes without a name, or a string as UTF-8. It throws, and waits with options, as send does. */
  sendRaw(bytes: string | Bytes): void;
  sendRaw(bytes: string | Bytes | Blob | Response, options: WaitOptions): Promise<void>;
  /**
   * Waits for the next raw message. While no recvRaw waits and there is no handler of raw
   * messages, up to 256 raw messages and 1 MiB are kept for it. Once the connection has ended and
   * the kept messages are taken, it rejects with the reason of the end.
   */
  recvRaw(options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  /**
   * Yields raw messages as recvRaw takes them, and ends as {@link Client.commands} does. Messages that come between two steps are kept as for recvRaw.
   */
  rawMessages(options?: { signal?: AbortSignal }): AsyncIterableIterator<Uint8Array>;
  /** Adds a handler of the raw messages for which no recvRaw waits. The function that it returns removes the handler. */
  onRaw(fn: (bytes: Uint8Array, info: RawInfo) => unknown): () => void;

  /**
   * Asks the server to let the client join a group, leave a group, or change its name. An empty name means no name.
   * The promise resolves once the server has made the change; then {@link Client.groups} and
   * {@link Client.name} already show it. It rejects as call does, among others with "unauthorized",
   * "too_many_groups", "name_taken", "bad_name", or "rate_limit", whose retryAfter says when
   * to ask again.
   */
  join(group: string, options?: ChangeOptions): Promise<void>;
  leave(group: string, options?: ChangeOptions): Promise<void>;
  rename(name: string, options?: ChangeOptions): Promise<void>;
  /**
   * Adds a handler that runs when the client's name has changed, or when the client has
   * joined or left a group, because this side asked for it or because the server's program did it. It runs
   * once for each change, with the old and the new name, or with the group. The function that is returned removes the
   * handler.
   */
  onRename(fn: (old: string, name: string) => unknown): () => void;
  onJoinGroup(fn: (group: string) => unknown): () => void;
  onLeaveGroup(fn: (group: string) => unknown): () => void;

  /** Adds a handler of all commands, which runs after the handlers of the command, and of raw messages as onRaw does. */
  onMessage(fn: (message: Message) => unknown): () => void;
  /**
   * Adds a handler of changes of the state. why is the reason of "disconnected" and "reconnecting", and of
   * "connecting" after a failed attempt. It is null otherwise, and if this side closed the client.
   */
  onState(fn: (state: State | "resumed", why: HisockError | null) => unknown): () => void;
  addEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  /**
   * Adds a handler of errors that no caller can be told: a payload that does not convert, a handler
   * that failed, an answer or details that cannot be sent, a command without a handler, a raw message for which there was no room.
   */
  onError(fn: (err: unknown) => unknown): () => void;
  /**
   * Adds a handler that runs when the server says that it has dropped n more frames for this client. A server's
   * options allow that for a page that does not keep up. Each dropped frame is counted once, also after
   * the client has come back.
   */
  onMissed(fn: (n: number) => unknown): () => void;
  /**
   * onReplay adds a handler that runs before a {@link Replay}, and onReplayed a handler that runs after it, when all
   * further messages of the group are new. Frames that the server has dropped count for onMissed and not for
   * replay.missed.
   */
  onReplay(fn: (replay: Replay) => unknown): () => void;
  onReplayed(fn: (replay: Replay) => unknown): () => void;
  /**
   * Adds a handler that is given the messages that were sent over a connection which has ended, and that the server
   * has not acknowledged: commands and raw messages, in order. It runs before onState is called with "disconnected".
   * So a page can store the messages and send them again. A kept session that the
   * server has given up leaves such messages too. They are given to the handler while the next page connects, so
   * pass the handler to connect.
   */
  onUndelivered(fn: (messages: Undelivered[]) => unknown): () => void;
  /**
   * Adds a handler that runs when another client comes, goes or changes its name. It throws a
   * {@link HisockError} with code "unsupported" if connect was called without notices.
   */
  onClientConnect(fn: (who: Presence) => unknown): () => void;
  onClientDisconnect(fn: (who: Presence) => unknown): () => void;
  onClientRename(fn: (old: string, who: Presence) => unknown): () => void;

  /** How many bytes wait to be sent, in the client and in the browser. */
  readonly bufferedAmount: number;
  /**
   * The time to the server and back as it was measured last, in milliseconds. It is measured about once in the heartbeat interval of the
   * server, and when somebody waits for room. 0 until then.
   */
  readonly rtt: number;

  /**
   * Makes a client that waits before its next attempt try at once. A client does so by itself when the browser is online
   * again and when the page is shown again.
   */
  retryNow(): void;

  /**
   * Ends the client in order: queued messages are written first. Calls that wait for an answer
   * reject with code "closed". The promise resolves when the client has ended. close may be called again.
   */
  close(): Promise<void>;
  /**
   * Lets the page send nothing more, waits until the calls that are under way in either direction have been answered, and closes
   * the client. If the signal or the timeout comes first, the client is closed all the same, and the promise rejects. Streams end as with close.
   */
  drain(options?: WaitOptions): Promise<void>;
}

/** @internal For the tests of this package. */
export const internals: {
  stats(): Promise<{ clients: number; callbacks: number }>;
  crash(): Promise<void>;
};
