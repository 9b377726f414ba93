// The interface between an engine and the rest of this module: instance.js is given it by the Go program, and
// engine/engine.js has it too. program/client.js makes such a client of a client of the Go program. An engine does
// not throw, but for bytes that the page has given away, and the rest of the module does not either.
// Payloads cross as bytes. Only the engine checks names.

import type { HisockError } from "./hisock.d.ts";

/** The one object of an engine. The Go program hands it over as it starts. */
export interface Native {
  /** Starts to connect. sink is told the outcome. */
  connect(config: Config, sink: Sink): NativeClient | HisockError;
  /** Returns why the name of a command is invalid, or undefined if it is valid. */
  checkCommand(command: string): HisockError | undefined;
  stats(): { clients: number; callbacks: number };
  crash(): void;
}

export interface Config {
  url: string;
  name: string;
  groups: string[];
  /** Null if sink.auth is to be called for every join. */
  auth: Uint8Array | null;
  /** Keys and values in turn. */
  metadata: string[];
  notices: boolean;
  /** Bytes. 0 means the default of the engine, here and below. */
  maxFrame: number;
  /** Bytes. */
  queueBytes: number;
  /** The session to go on with, which detach has returned. Empty if there is none. */
  session: Uint8Array;
  /** The client ends with its connection and does not come back. */
  stay: boolean;
  /** Also the first connection is tried again and again. */
  first: boolean;
  /** The least and the greatest wait, and how long to try, in milliseconds. */
  retry: number[];
}

/** One client. No method may be called after sink.ended. */
export interface NativeClient {
  /** Lets frames through. Until then the engine holds frames back, and does not read on from the server. */
  begin(): void;
  send(command: string, payload: Uint8Array): HisockError | undefined;
  sendRaw(payload: Uint8Array): HisockError | undefined;
  /** Waits until there is room for the last frame that had no room. sink.settled is told the outcome, as for a call. */
  drained(id: number): void;
  /** sink.settled is told the outcome, also of a call that is cancelled. */
  call(id: number, command: string, payload: Uint8Array): void;
  cancel(id: number): void;
  answer(id: number, payload: Uint8Array): void;
  /** code is the number of a code, retryAfter is in milliseconds. */
  refuse(id: number, code: number, message: string, retryAfter: number, details: Uint8Array | undefined): void;
  /** Asks to join the group name (0), to leave it (1), or for another name (2). sink.settled is told the outcome, as for a call. */
  change(id: number, how: 0 | 1 | 2, name: string): void;
  /**
   * Opens a stream. The page sends nothing if silent is set. The stream carries bytes instead of items if carries is set.
   */
  openStream(name: string, arg: Uint8Array, silent: boolean, carries: boolean): NativeStream | HisockError;
  name(): string;
  groups(): string[];
  /** The groups that the server keeps the client out of, each followed by the reason. */
  refusedGroups(): (string | HisockError)[];
  /** How many bytes wait to be sent, in the engine and in the browser. */
  waiting(): number;
  /** The last time to the server and back that was measured, in milliseconds. 0 if there is none. */
  rtt(): number;
  /**
   * There may be a network again. A client that waits before its next attempt tries at once, and an attempt under way
   * begins anew. A link from which nothing comes within 3 s is given up.
   */
  retryNow(): void;
  /** The network is gone. The link is given up, or if that would end the client, asked as by retryNow. */
  offline(): void;
  /** The greatest length of the result of detach, in bytes. 0 if there is no session to detach. */
  sessionBytes(): number;
  /**
   * Ends the client and returns its session, if there is one. The server is told so if bye is set: then it ends the session,
   * and another client that is given it joins anew.
   */
  detach(bye: boolean): Uint8Array | undefined;
  /** Ends the client, or the attempt to connect. It does not wait. */
  close(): void;
}

/** The end of a stream, as the other side is told of it. */
export interface StreamEnd {
  /** The number of a code. */
  code: number;
  reason: string;
  /** Milliseconds. */
  retryAfter: number;
  details: Uint8Array | undefined;
}

/** One stream. Its methods may be called at any time. */
export interface NativeStream {
  /** The engine calls it when an item, the end or room has come. The page sets it. */
  onChange: () => void;
  /** A stream of the server is handled: the rest of its window is granted. */
  begin(): void;
  /** Takes the next item that has come. */
  take(): Uint8Array | undefined;
  /** Null once the server has sent all, the reason once no more items come, and undefined while more may come. Items that have come can still be taken. */
  readonly ended: HisockError | null | undefined;
  /** Queues an item, or bytes. The page waits while there is no room. */
  send(payload: Uint8Array): void;
  readonly hasRoom: boolean;
  /** Whether all items have been written. */
  readonly isDrained: boolean;
  /** The reason why not all items of the page could be sent, if there is one. */
  readonly refused: HisockError | undefined;
  /** Nothing more is sent. */
  finish(): void;
  /** Both directions end, behind what was sent. */
  fail(end: StreamEnd, why: HisockError): void;
  /** Nothing more is taken. */
  stop(end: StreamEnd, why: HisockError): void;
  /** Both directions end at once. */
  abort(end: StreamEnd, why: HisockError): void;
  /** The handler of a stream of the server has returned. */
  leave(): void;
  /** The numbers of items, or bytes, that were taken, that were sent, and that are known to have arrived. */
  progress(): { taken: number; sent: number; delivered: number };
}

/** The events of one client, which the engine reports in the order in which they happen. */
export interface Sink {
  /** A warning; args are keys and values in turn. */
  warn(message: string, ...args: (string | number)[]): void;
  /**
   * The client has this state now: 1 connected, 2 disconnected,
   * 3 reconnecting, 4 resumed, 5 connecting. name is the client's name.
   */
  state(state: number, name: string, why: HisockError | undefined): void;
  command(command: string, payload: Uint8Array, replayed: boolean): void;
  raw(payload: Uint8Array, replayed: boolean): void;
  /** A replay begins or has ended. */
  replay(hook: "replay" | "replayed", group: string, messages: number, missed: number, lost: boolean): void;
  /** The server calls. The page ends the call with answer or refuse. */
  called(id: number, command: string, payload: Uint8Array): void;
  /** The server has opened a stream. */
  streamed(stream: NativeStream, name: string, arg: Uint8Array): void;
  /** The engine asks for the auth. The page ends the request with answer or refuse. */
  auth(id: number): void;
  /** The server has given the call up, or the auth is not needed any more. */
  cancelled(id: number): void;
  /** The page's call, change or drained has ended. Without an error payload is set. */
  settled(id: number, err: HisockError | undefined, payload: Uint8Array | undefined): void;
  /** The client's name or groups have changed. what is the group, or the old name; name is the new name. */
  changed(hook: "rename" | "joinGroup" | "leaveGroup", what: string, name: string): void;
  /** The messages that were not delivered: for each one whether it is raw, its command, its payload, and whether it was written. */
  undelivered(list: (boolean | string | Uint8Array)[]): void;
  /** The server has dropped n more frames for this client. */
  missed(n: number): void;
  /** Another client has come, gone or changed its name; old is its name before the change. */
  notice(
    hook: "clientConnect" | "clientDisconnect" | "clientRename",
    name: string,
    groups: string[],
    address: string,
    old: string,
  ): void;
  /** The client has ended. This is the last event. Without an error this side has closed it. */
  ended(err: HisockError | undefined): void;
}
