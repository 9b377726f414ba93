// hisock in the browser: named commands, calls, groups and raw messages over one
// WebSocket to a Go server.

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

export interface ConnectOptions {
  /** The name for which the client asks. Without it the client has no name. */
  name?: string;
  /** The groups that the client joins when it connects. A client that goes on with a kept session joins those that it is not in. */
  groups?: Iterable<string>;
  /**
   * The proof of identity that the server asks for, such as a token. A function is called each time that the client
   * joins: when it connects, and again if the server has given it up meanwhile. If the function fails, or takes longer
   * than 15 s, the attempt has failed and the client tries again, unless the failure is a
   * {@link HisockError} with a final code, such as "unauthorized". The signal aborts when
   * the auth is not needed any more.
   */
  auth?: string | Bytes | ((signal: AbortSignal) => string | Bytes | Promise<string | Bytes>);
  /** Further values for the server's program. */
  metadata?: Record<string, string>;
  /**
   * Asks the server to tell of other clients that come, go and change their names. It is true unless set if these
   * options have onClientConnect, onClientDisconnect or onClientRename. The server decides what it tells each client. If
   * it tells nobody, it says so, and onError is given a {@link HisockError} with code "unsupported".
   */
  notices?: boolean;
  /**
   * The engine that speaks the protocol. "js" is an engine in JavaScript. "wasm" is the Go program, which does the same and is some twenty
   * times larger. Only the chosen engine is loaded. "js" unless set, or the one that the module has.
   */
  engine?: "js" | "wasm";
  /**
   * Is told how much of the Go program has been loaded: when loading begins, as parts come, and when all is compiled, or once if that was
   * before. If another client of the page has begun to load it without onProgress, the parts are not counted. The other
   * engine is modules, of which a browser says nothing: there it is never called.
   */
  onProgress?: (progress: LoadProgress) => unknown;
  /** The form of payloads for handlers and calls that do not set one. "json" unless set. */
  as?: As;

  /** Handlers of commands, as {@link Client.on} takes them. */
  on?: Record<string, CommandHandler<any> | Entry<CommandHandler<any>>>;
  /** Handlers of calls, as {@link Client.handle} takes them. */
  handle?: Record<string, CallHandler<any> | Entry<CallHandler<any>>>;
  /** Handlers of streams, as {@link Client.handleStream} takes them. */
  handleStream?: Record<string, StreamHandler<any> | Entry<StreamHandler<any>>>;
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

  /** Gives up connecting when it aborts. It has no effect on a client that is connected. */
  signal?: AbortSignal;
  /**
   * How long connecting may take, in milliseconds. Unless it is set there is no limit, because connecting is tried
   * again and again; with retry.off or retry.first false, the limit is 30,000.
   */
  timeout?: number;
  /** The greatest size of a frame that is read, in bytes, from 512 to 1 GiB. 1 MiB unless set. */
  maxFrame?: number;
  /**
   * The size of the queue to the server, in bytes: messages that wait to be written, and written messages that the
   * server has not acknowledged. The waiting messages may take half of it. 1 MiB unless set.
   */
  queueBytes?: number;
  /** How the client connects, and how it comes back when its connection has broken off. */
  retry?: Retry;
  /** Is called with warnings in place of console.warn. With false there are no warnings. */
  log?: Log | false;
  /**
   * Tells what the client sends, gets and goes through: the function debug of the module debug.js, which writes lines for a person to
   * the console. At most 500 lines in 10 s are written, with 80 characters of each payload and without the auth.
   *
   *     const { debug } = await import("./debug.js");
   *     const client = await connect("/ws", { debug });
   */
  debug?: Debug;
  /**
   * Keeps the session when the page is left, so that the next page of this tab can go on with it, for instance after a
   * reload. The next page must call connect with the same option, URL and name. Its client has the name and the groups
   * that this client had. It is given the messages that the server sent meanwhile, once each, and sends the messages
   * that the server has not got from this page. The server does not see the client leave, and waits for the next page
   * as long as for any client that is away. Without this option the page says goodbye.
   *
   * The session is put into the tab's session storage. A string is its key there; with true the key is the URL. Each
   * client of a page needs a key of its own. The session holds a secret: a script that reads it can act as the client.
   * If people sign in and out, let the key name the user.
   */
  keepSession?: boolean | string;
}

/**
 * Bytes of hisock.wasm after the browser has decompressed it: loaded ≤ total. The total is the size of the file, which the build of the bundle
 * writes into the module, and no Content-Length. After an attempt that failed loaded begins at 0 again.
 */
export interface LoadProgress {
  readonly loaded: number;
  readonly total: number;
}

/** Watches an engine. Only debug.js makes such functions. */
export type Debug = (engine: any) => any;

/**
 * A function for warnings. They include commands without a handler and payloads that do
 * not convert, if there is no onError. Of warnings with the same message it is called for the first five,
 * and then for one every 10 seconds, with the number of skipped ones as left_out in its details. Texts in the details
 * are cut to 512 characters.
 */
export type Log = (message: string, details: Record<string, string | number>) => unknown;

/** How a client tries again. Times are in milliseconds. */
export interface Retry {
  /** The client does not come back: it ends with its connection. */
  off?: boolean;
  /**
   * Also the first connection is tried again and again, until it succeeds, a failure is final, the signal
   * aborts or the time is over. It is true unless set, and false if off is set. After each failed attempt onState is
   * called with "connecting" and the reason.
   */
  first?: boolean;
  /**
   * The wait before an attempt is random between zero and a limit. The limit begins with min and doubles with each
   * attempt up to max. The client never tries sooner than the server has asked it to. 500 and 20,000 unless set. If only
   * one of the two is set and contradicts the default of the other, the other is the same.
   */
  min?: number;
  max?: number;
  /** How long the client tries before it gives up. No limit unless set. */
  for?: number;
}

/** A handler with the form of its payload. */
export interface Entry<Handler> {
  handler: Handler;
  as?: As;
}

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
  /** How many were sent, and how many of these are known to have arrived. */
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
   * whoever iterates; if more come, the iteration fails behind them with code "slow_consumer". A server that must wait for
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
   * over. A break, a return and the end of the signal end it at both ends. The server sends at most 256 KiB ahead of what
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
   * Opens a stream of bytes, for pipeTo and pipeThrough. The server sends at most 256 KiB ahead of what is read. Closing
   * writable says that all is written, and the server may write on. Cancelling readable, aborting writable and the end of
   * the signal end the stream. It throws as send does.
   *
   * A program that does not read to the end does one of these. A stream of which the page has dropped everything ends when
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
   * Yields raw messages as recvRaw takes them, and ends as {@link Client.commands} does. Between two of them, what comes is kept as for recvRaw.
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

/**
 * What a page and its server say to each other, for `connect<Chat>(url)`. A part that is left out has no commands. Calls and
 * streams are functions: of an argument, if they have one, to the answer or an item.
 *
 *     interface Chat {
 *       sent: { say: string };
 *       received: { said: { from: string; text: string } };
 *       calls: { sum(numbers: number[]): number };
 *     }
 */
export interface Commands {
  /** Commands of the page, with what each carries. */
  sent?: object;
  /** Commands of the server, with what each carries. */
  received?: object;
  /** Calls of the page. */
  calls?: object;
  /** Calls of the server, which the page handles. */
  handled?: object;
  /** Streams of items to the page, of uploads with an answer (the second argument is an item), and of both. */
  streams?: object;
  uploads?: object;
  exchanges?: object;
  /** Streams that the server opens: functions of an argument and an item of the server to an item of the page. */
  handledStreams?: object;
}

/** A part of a map of commands. */
export type Part<C, K extends keyof Commands> = C extends { [P in K]: infer M extends object } ? M : {};
/** The names in a part of a map. */
export type Name<C, K extends keyof Commands> = keyof Part<C, K> & string;
/** The argument of a call or stream. */
export type In<F> = F extends (...args: infer A) => unknown ? A[0] : never;
/** The items of an upload or exchange. */
export type Item<F> = F extends (...args: infer A) => unknown ? A[1] : never;
/** The answer of a call, or an item of a stream. */
export type Out<F> = F extends (...args: never) => infer R ? Awaited<R> : never;
/** An argument, which may be left out if it may be undefined. */
export type Arg<V, More extends unknown[] = []> = undefined extends V ? [value?: V, ...more: More] : [value: V, ...more: More];

/** The options of connect with the types of a map of commands. */
export interface TypedOptions<C extends Commands> extends Omit<ConnectOptions, "on" | "handle" | "handleStream"> {
  on?: { [K in Name<C, "received">]?: CommandHandler<Part<C, "received">[K]> | Entry<CommandHandler<Part<C, "received">[K]>> };
  handle?: { [K in Name<C, "handled">]?: TypedCallHandler<Part<C, "handled">[K]> | Entry<TypedCallHandler<Part<C, "handled">[K]>> };
  handleStream?: {
    [K in Name<C, "handledStreams">]?: TypedStreamHandler<Part<C, "handledStreams">[K]> | Entry<TypedStreamHandler<Part<C, "handledStreams">[K]>>;
  };
}

/** A handler of calls whose argument and answer are those of the function F. */
export type TypedCallHandler<F> = (value: In<F>, info: CallInfo) => Out<F> | Promise<Out<F>>;
/** A handler of streams whose argument and items are those of the function F. */
export type TypedStreamHandler<F> = (value: In<F>, info: StreamInfo<Item<F>>) => TypedItems<Out<F>> | Promise<TypedItems<Out<F>>>;
/** Items of one type, which are sent one after the other. */
export type TypedItems<T> = AsyncIterable<T> | Iterable<T>;

/** A client with the types of a map of commands. Its methods are those of {@link Client}. */
export interface TypedClient<C extends Commands>
  extends Omit<
    Client,
    "on" | "once" | "off" | "waitFor" | "commands" | "send" | "call" | "handle" | "stream" | "upload" | "exchange" | "handleStream"
  > {
  on<K extends Name<C, "received">, A extends As = "json">(
    command: K,
    fn: CommandHandler<Value<A, Part<C, "received">[K]>>,
    options?: HandlerOptions<A>,
  ): () => void;
  once<K extends Name<C, "received">, A extends As = "json">(
    command: K,
    fn: CommandHandler<Value<A, Part<C, "received">[K]>>,
    options?: HandlerOptions<A>,
  ): () => void;
  off<K extends Name<C, "received">>(command: K, fn?: CommandHandler<any>): void;
  waitFor<K extends Name<C, "received">, A extends As = "json">(
    command: K,
    options?: WaitForOptions<A, Value<A, Part<C, "received">[K]>>,
  ): Promise<Value<A, Part<C, "received">[K]>>;
  commands<K extends Name<C, "received">, A extends As = "json">(
    command: K,
    options?: HandlerOptions<A>,
  ): AsyncIterableIterator<Value<A, Part<C, "received">[K]>>;
  send<K extends Name<C, "sent">>(command: K, ...value: Arg<Part<C, "sent">[K]>): void;
  send<K extends Name<C, "sent">>(command: K, value: Part<C, "sent">[K], options: WaitOptions): Promise<void>;
  call<K extends Name<C, "calls">, A extends As = "json">(
    command: K,
    ...value: Arg<In<Part<C, "calls">[K]>, [options?: CallOptions<A>]>
  ): Promise<Value<A, Out<Part<C, "calls">[K]>>>;
  handle<K extends Name<C, "handled">>(command: K, fn: TypedCallHandler<Part<C, "handled">[K]>, options?: HandlerOptions<As>): () => void;
  stream<K extends Name<C, "streams">, A extends As = "json">(
    name: K,
    ...arg: Arg<In<Part<C, "streams">[K]>, [options?: StreamOptions<A>]>
  ): AsyncGenerator<Value<A, Out<Part<C, "streams">[K]>>, void, void>;
  upload<K extends Name<C, "uploads">, A extends As = "json">(
    name: K,
    arg: In<Part<C, "uploads">[K]>,
    items: TypedItems<Item<Part<C, "uploads">[K]>>,
    options?: StreamOptions<A>,
  ): Promise<Value<A, Out<Part<C, "uploads">[K]>>>;
  exchange<K extends Name<C, "exchanges">, A extends As = "json">(
    name: K,
    arg: In<Part<C, "exchanges">[K]>,
    items: TypedItems<Item<Part<C, "exchanges">[K]>>,
    options?: StreamOptions<A>,
  ): AsyncGenerator<Value<A, Out<Part<C, "exchanges">[K]>>, void, void>;
  handleStream<K extends Name<C, "handledStreams">>(
    name: K,
    fn: TypedStreamHandler<Part<C, "handledStreams">[K]>,
    options?: HandlerOptions<As>,
  ): () => void;
}

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

/** @internal For the tests of this package. */
export const internals: {
  stats(): Promise<{ clients: number; callbacks: number }>;
  crash(): Promise<void>;
};
