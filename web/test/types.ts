// This file is compiled and never run. It has code that the typings must accept, and code that they
// must refuse.

import * as files from "../files.js";
import { connect, HisockError, type Client, type ErrorCode, type Presence, type Replay, type Undelivered } from "../hisock.js";

interface Line {
  from: string;
  text: string;
}

export async function transfers(client: Client, file: File): Promise<void> {
  const show = ({ done, size }: files.Progress): void => console.log(size === undefined ? done : done / size);
  const receipt: files.Receipt = await files.upload(client, "store", file.name, file, { onProgress: show, signal: AbortSignal.timeout(1) });
  console.log(receipt.size - receipt.from, receipt.sha256.length);
  await files.upload(client, "store", "", file.stream());
  const to = new files.StoredTarget("name");
  await files.download(client, "load", file.name, to, { maxSize: Infinity });
  const got: File | undefined = await to.file();
  const memory = new files.MemoryTarget();
  await files.download(client, "load", "", memory);
  const blob: Blob | undefined = memory.blob;
  await files.download(client, "load", "", new WritableStream<Uint8Array>());
  for (const { name, size, whole } of await files.StoredTarget.list()) console.log(name, size, whole, got, blob);
  const streams = client.openBytes("store");
  await files.send(streams, file);
  await files.receive(streams, to);
  // @ts-expect-error a text is no file
  await files.upload(client, "store", "", "text");
  // @ts-expect-error what is sent has no bound here
  await files.upload(client, "store", "", file, { maxSize: 1 });
}

export async function everything(bytes: Uint8Array, buffer: ArrayBuffer, view: DataView): Promise<void> {
  const client: Client = await connect(new URL("wss://example.org/ws"), {
    name: "ada",
    groups: new Set(["chat"]),
    auth: bytes,
    metadata: { page: "chat" },
    notices: true,
    as: "json",
    on: {
      said: (line: Line) => line.text,
      greeting: { as: "text", handler: (text: string) => text.length },
      ids: { as: "bigint", handler: (id: bigint) => id + 1n },
    },
    handle: {
      confirm: async (question: string, { signal }) => !signal.aborted && question !== "",
    },
    handleStream: {
      log: async function* (from: number, { signal }) {
        if (!signal.aborted) yield from;
      },
      sum: { as: "text", handler: (from: string, { items }) => [from, typeof items] },
    },
    onRaw: (raw, { replayed }) => replayed && raw.byteLength,
    onMessage: ({ kind, command, bytes }) => [kind, command, bytes.length],
    onState: (state, why) => [state, why?.code],
    onError: (err) => err,
    onMissed: (n: number) => n,
    onReplay: ({ group, messages, missed, lost }) => [group.length, messages + missed, lost],
    onReplayed: (replay: Replay) => replay.group,
    onUndelivered: (messages: Undelivered[]) => messages.map(({ kind, command, bytes, written }) => [kind, command, bytes, written]),
    onClientConnect: (who) => who.name,
    onClientDisconnect: (who: Presence) => who.groups.join(),
    onClientRename: (old: string, who: Presence) => old + who.name,
    onRename: (old) => old.length,
    onJoinGroup: (group) => group.length,
    onLeaveGroup: (group: string) => group,
    signal: AbortSignal.timeout(1000),
    timeout: 5000,
    maxFrame: 1 << 20,
    queueBytes: 1 << 20,
    retry: { off: false, first: true, min: 100, max: 5000, for: 60_000 },
    keepSession: "ada",
  });
  await connect("/ws", { keepSession: true, auth: async (signal: AbortSignal) => (await fetch("/token", { signal })).text() });
  await connect("/ws", { auth: () => bytes, engine: "js" });
  // @ts-expect-error there is no such engine
  await connect("/ws", { engine: "go" });
  const resumed: boolean = client.resumed;
  client.onUndelivered((messages) => messages.length)();

  const name: string = client.name;
  const groups: string[] = client.groups;
  const state: "connecting" | "connected" | "reconnecting" | "disconnected" = client.state;

  const remove: () => void = client.on("said", (line: Line, info) => [line.from, info.command, info.bytes.length]);
  client.on<Line>("said", (line) => line.text);
  client.on("greeting", (text) => text.toUpperCase(), { as: "text" });
  client.on("count", (n) => n.toFixed(2), { as: "number" });
  client.on("id", (id) => id.toString(16), { as: "bigint" });
  client.on("image", (b) => b.byteLength, { as: "bytes" });
  client.on("ping", () => {});
  client.off("ping");
  client.off("said", (line: Line) => line);

  client.handle("add", ([a, b]: [number, number]) => a + b);
  client.handle("nothing", () => {});
  client.handle("later", async (_text, info) => ({ aborted: info.signal.aborted }), { as: "text" });

  for (const value of ["text", 1, 1n, true, null, undefined, bytes, buffer, view, [1], { a: 1 }]) {
    client.send("value", value);
  }
  client.send("ping");
  client.sendRaw("text");
  await client.drained();
  await client.drained({ signal: AbortSignal.timeout(1), timeout: 5 });
  client.sendRaw(bytes);
  client.sendRaw(buffer);

  const unknown: unknown = await client.call("sum", [1, 2]);
  const sum: number = await client.call<number>("sum", [1, 2], { timeout: 100 });
  const text: string = await client.call("greet", "ada", { as: "text" });
  const n: number = await client.call("count", undefined, { as: "number", signal: new AbortController().signal });
  const id: bigint = await client.call("id", 1n, { as: "bigint" });
  const raw: Uint8Array = await client.call("image", "x", { as: "bytes" });

  for await (const line of client.stream<Line>("lines", 1, { signal: AbortSignal.timeout(1) })) console.log(line.text);
  for await (const word of client.exchange("upper", null, ["a"], { as: "text" })) console.log(word.length);
  const all: number = await client.upload("sum", 0, (async function* () { yield 1; })(), { as: "number" });
  const both = client.openBytes("store", "name");
  await new Blob([buffer]).stream().pipeTo(both.writable);
  const first: Uint8Array | undefined = (await both.readable.getReader().read()).value;
  client.handleStream("count", async function* (n: number, { items, signal }) {
    for await (const item of items) if (!signal.aborted) yield item + n;
  })();
  console.log(all, first);

  const next: Uint8Array = await client.recvRaw({ signal: AbortSignal.timeout(1) });
  client.onRaw((b) => b.length)();
  client.onMessage((m) => m.kind === "raw");
  client.onState((s) => s === "connected");
  client.onMissed((n: number) => n)();
  client.onReplay((r) => r.missed)();
  client.onReplayed((r: Replay) => r.lost)();
  client.onError((err) => err instanceof HisockError && err.code === "bad_payload");
  client.onClientConnect((who) => who.address);
  client.onClientDisconnect((who) => who.groups[0]);
  await client.join("chat");
  await client.leave("chat", { timeout: 100 });
  const renamed: void = await client.rename("grace", { signal: AbortSignal.timeout(1), timeout: 100 });
  for (const { group, why } of client.refusedGroups) console.log(group.length, why.code, renamed);
  client.onRename((old, name) => old.length + name.length)();
  client.onJoinGroup((group) => group.length)();
  client.onLeaveGroup((group: string) => group)();
  client.onClientRename((old, who) => old + who.name);

  const why: HisockError | null = await client.closed;
  if (why) {
    const code: ErrorCode = why.code;
    const known: boolean = why.code === "shutdown" && why.remote && why.retryAfter > 0;
    console.log(code, known, why.name === "HisockError", why.message);
  }
  await client.close();
  console.log(name, groups, state, resumed, remove, unknown, sum, text, n, id, raw, next);
  throw new HisockError(1001, "sold out", { cause: why });
}

export async function mistakes(client: Client): Promise<void> {
  // @ts-expect-error a URL is needed
  await connect();
  // @ts-expect-error not a URL
  await connect(8080);
  // @ts-expect-error a misspelt option
  await connect("/ws", { nick: "ada" });
  // @ts-expect-error groups are a list
  await connect("/ws", { groups: 1 });
  // @ts-expect-error not a form of a payload
  await connect("/ws", { as: "xml" });
  // @ts-expect-error metadata is text
  await connect("/ws", { metadata: { a: 1 } });
  // @ts-expect-error a handler is a function
  await connect("/ws", { on: { said: "yes" } });

  // @ts-expect-error a handler is needed
  client.on("said");
  // @ts-expect-error text is a string
  client.on("said", (text: number) => text, { as: "text" });
  // @ts-expect-error not a form of a payload
  client.on("said", () => {}, { as: "html" });
  // @ts-expect-error a value is unknown until a type is given
  client.on("said", (line) => line.text);
  // @ts-expect-error a command has a name
  client.send();
  // @ts-expect-error a symbol cannot be sent
  client.send("x", Symbol());
  // @ts-expect-error a raw message cannot be a number
  client.sendRaw(1);
  // @ts-expect-error a reply is unknown until a type is given
  const n = (await client.call("sum", [1, 2])).length;
  // @ts-expect-error a reply as text is a string
  const m: number = await client.call("sum", [1, 2], { as: "text" });
  // @ts-expect-error milliseconds are a number
  await client.call("sum", [1], { timeout: "1s" });
  // @ts-expect-error items are iterable
  await client.upload("sum", 0, 5);
  // @ts-expect-error an upload has no timeout
  client.openBytes("store", "", { timeout: 1 });
  // @ts-expect-error it cannot be set
  client.name = "eve";
  // @ts-expect-error a code is a listed name or a number
  throw new HisockError("nonsense", `${n} ${m}`);
}

interface Chat {
  sent: { say: string; image: Blob | Uint8Array; bye: undefined };
  received: { said: Line; notice: string };
  calls: { sum(numbers: number[]): number; now(): Promise<string> };
  handled: { confirm(question: string): boolean };
  streams: { ticks(symbol: string): { price: number } };
  uploads: { total(start: number, item: number): number };
  handledStreams: { log(from: number, item: never): string };
}

export async function typed(signal: AbortSignal): Promise<void> {
  const client = await connect<Chat>("/ws", {
    on: { said: (line) => line.text.length, notice: { as: "text", handler: (text) => text.length } },
    handle: { confirm: async (question) => question !== "" },
    handleStream: { log: async function* (from) { yield `${from}`; } },
  });
  client.on("said", (line, { replayed }) => replayed || line.from.length, { signal })();
  client.once("notice", (text) => text.length);
  client.off("said");
  const line: Line = await client.waitFor("said", { where: ({ from }) => from === "ada", timeout: 100, signal });
  const text: string = await client.waitFor("notice", { as: "text" });
  for await (const { from } of client.commands("said", { signal })) console.log(from, line, text);
  client.send("say", "hello");
  client.send("bye");
  await client.send("image", new Blob(), { timeout: 100, signal });
  const sum: number = await client.call("sum", [1], { timeout: 100 });
  const now: string = await client.call("now", undefined, { as: "text" });
  client.handle("confirm", (question) => question.length > 0)();
  for await (const { price } of client.stream("ticks", "ACME")) console.log(price + sum, now);
  const total: number = await client.upload("total", 1, [2, 3]);
  await client.join("room");
  client.addEventListener("offline", ({ detail }) => [detail.state, detail.why?.status, total]);
  await client.drain({ timeout: 100 });

  // @ts-expect-error no such command is sent
  client.send("shout", "hello");
  // @ts-expect-error it carries a string
  client.send("say", 1);
  // @ts-expect-error it carries something
  client.send("say");
  // @ts-expect-error no such command is received
  client.on("say", () => {});
  // @ts-expect-error it is a line
  client.on("said", (line: string) => line);
  // @ts-expect-error no such command is received
  await client.waitFor("sum");
  // @ts-expect-error an argument is needed
  await client.call("sum");
  // @ts-expect-error the argument is a list
  await client.call("sum", "1");
  // @ts-expect-error the answer is a number
  const wrong: string = await client.call("sum", [1]);
  // @ts-expect-error the answer is a boolean
  client.handle("confirm", () => wrong);
  // @ts-expect-error the server calls nothing else
  client.handle("sum", () => 1);
  // @ts-expect-error items are numbers
  await client.upload("total", 1, ["2"]);
  // @ts-expect-error no exchange is declared
  client.exchange("ticks", "", []);
  // @ts-expect-error no such command is received
  await connect<Chat>("/ws", { on: { say: () => {} } });
}

export async function waiting(client: Client, signal: AbortSignal, blob: Blob): Promise<void> {
  const once: () => void = client.once("said", (line: Line) => line.text, { as: "json", signal });
  const line: Line = await client.waitFor<Line>("said", { where: ({ from }) => from === "ada", signal, timeout: 1 });
  const n: number = await client.waitFor("n", { as: "number" });
  for await (const id of client.commands("id", { as: "bigint", signal })) console.log(id + 1n, line, n);
  for await (const bytes of client.rawMessages({ signal })) console.log(bytes.length);
  await client.send("image", blob, {});
  await client.sendRaw(blob, { timeout: 1, signal });
  const waits: number = client.bufferedAmount + client.rtt;
  client.addEventListener("closed", (event) => event.detail.why?.code, { once: true });
  client.addEventListener("state", ({ detail: { state } }) => state === "resumed");
  await client.drain();
  // @ts-expect-error without options a Blob has to be waited for
  client.sendRaw(blob);
  // @ts-expect-error where is a function
  await client.waitFor("n", { where: true });
  // @ts-expect-error it cannot be set
  client.rtt = waits;
  once();
}

// @ts-expect-error only connect makes clients
new Client();
