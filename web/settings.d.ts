// The options of connect.

import type { HisockError } from "./failures.js";
import type { Client } from "./hisock.js";
import type {
  As, Bytes, CallHandler, CommandHandler, Message, Presence, RawInfo, Replay, State, StreamHandler, Undelivered,
} from "./messages.js";

export interface ConnectOptions {
  /** The name for which the client asks. Without it the client has no name. */
  name?: string;
  /** The groups that the client joins when it connects. A client that goes on with a kept session joins the groups that it is not in. */
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
