// What the Go program and this module say to each other. Neither side throws.
// Payloads cross as bytes; a name is checked by Go alone.

import type { HisockError } from "./hisock.d.ts";

/** The one object that the Go program hands over as it starts. */
export interface Native {
  /** Starts to connect. sink hears of the outcome. */
  connect(config: Config, sink: Sink): NativeClient | HisockError;
  /** Says why a command cannot have that name, or nothing. */
  checkCommand(command: string): HisockError | undefined;
  stats(): { clients: number; callbacks: number };
  crash(): void;
}

export interface Config {
  url: string;
  name: string;
  groups: string[];
  /** Null if sink.auth is to be asked at every join. */
  auth: Uint8Array | null;
  /** Keys and values in turn. */
  metadata: string[];
  notices: boolean;
  /** 0 means the default of the Go client, here and below. */
  maxFrame: number;
  queueBytes: number;
  /** What detach has returned, to be gone on with; empty for none. */
  session: Uint8Array;
  /** It does not come back. */
  stay: boolean;
  /** Connecting is tried again and again as well. */
  first: boolean;
  /** The least and the greatest wait, and how long to try, in milliseconds. */
  retry: number[];
}

/** One connection. No method may be called after the sink was told that it ended. */
export interface NativeClient {
  /** Lets frames through. Until then Go holds them back, and with them the server. */
  begin(): void;
  send(command: string, payload: Uint8Array): HisockError | undefined;
  sendRaw(payload: Uint8Array): HisockError | undefined;
  /** Is told to sink.settled once there is room again for what had none. It ends as a call does. */
  drained(id: number): void;
  /** The outcome is told to sink.settled, also of a call that is cancelled. */
  call(id: number, command: string, payload: Uint8Array): void;
  cancel(id: number): void;
  answer(id: number, payload: Uint8Array): void;
  /** code is its number, retryAfter in milliseconds. */
  refuse(id: number, code: number, message: string, retryAfter: number, details: Uint8Array | undefined): void;
  /** Asks for a change: 0 joins a group, 1 leaves one, 2 is another name. It ends as a call does. */
  change(id: number, how: 0 | 1 | 2, name: string): void;
  name(): string;
  groups(): string[];
  /** Groups that the server keeps the client out of, each with why behind it. */
  refusedGroups(): (string | HisockError)[];
  /** Makes a client that waits to come back, or to connect, try at once. */
  retryNow(): void;
  /** How long what detach would return may be; 0 if there is no session to detach. */
  sessionBytes(): number;
  /** Ends the client without a goodbye and returns its session, if there is one. */
  detach(): Uint8Array | undefined;
  /** Ends the connection, or the attempt to make one. It does not wait. */
  close(): void;
}

/** What Go tells of one connection, in the order in which it happens. */
export interface Sink {
  /** What nobody else is told; args are keys and values in turn. */
  warn(message: string, ...args: (string | number)[]): void;
  /**
   * A change of the connection's state, the first included: 1 connected, 2 disconnected,
   * 3 reconnecting, 4 resumed, 5 connecting. name is the client's.
   */
  state(state: number, name: string, why: HisockError | undefined): void;
  command(command: string, payload: Uint8Array, replayed: boolean): void;
  raw(payload: Uint8Array, replayed: boolean): void;
  /** A replay of what a group keeps begins, or has ended. */
  replay(hook: "replay" | "replayed", group: string, messages: number, missed: number, lost: boolean): void;
  /** The server calls; answer or refuse ends it. */
  called(id: number, command: string, payload: Uint8Array): void;
  /** Asks for what proves who the client is; answer or refuse ends it. */
  auth(id: number): void;
  /** That call was given up by the server, or that auth is not needed any more. */
  cancelled(id: number): void;
  settled(id: number, err: HisockError | undefined, payload: Uint8Array | undefined): void;
  /** The server has changed the client; what is the group, or the name before name. */
  changed(hook: "rename" | "joinGroup" | "leaveGroup", what: string, name: string): void;
  /** What a connection has left: for each frame whether it is raw, its command, its payload, and whether it was written. */
  undelivered(list: (boolean | string | Uint8Array)[]): void;
  /** The server has dropped n more frames on their way here. */
  missed(n: number): void;
  /** Another client; old is what it was called before it was renamed. */
  notice(
    hook: "clientConnect" | "clientDisconnect" | "clientRename",
    name: string,
    groups: string[],
    address: string,
    old: string,
  ): void;
  /** The last of all. No error means that this side closed it. */
  ended(err: HisockError | undefined): void;
}
