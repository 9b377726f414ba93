// The types of a client whose commands, calls and streams are known.

import type { Client } from "./hisock.js";
import type {
  As, CallInfo, CallOptions, CommandHandler, HandlerOptions, StreamInfo, StreamOptions, Value, WaitForOptions, WaitOptions,
} from "./messages.js";
import type { ConnectOptions, Entry } from "./settings.js";

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

/** A handler of calls with the argument and the answer of the function F. */
export type TypedCallHandler<F> = (value: In<F>, info: CallInfo) => Out<F> | Promise<Out<F>>;
/** A handler of streams with the argument and the items of the function F. */
export type TypedStreamHandler<F> = (value: In<F>, info: StreamInfo<Item<F>>) => TypedItems<Out<F>> | Promise<TypedItems<Out<F>>>;
/** Items of one type, which are sent one after the other. */
export type TypedItems<T> = AsyncIterable<T> | Iterable<T>;

/** A client with the types of a map of commands. Its methods are the methods of {@link Client}. */
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
