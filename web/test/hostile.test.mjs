// A server that lies, or sends any bytes, gets nothing from the JavaScript engine but a typed end. The WebSocket is simulated.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { instance } from "../engine/engine.js";
import { Cursor } from "../engine/read.js";
import { Splitter } from "../engine/splitter.js";
import { frame, join as put, kind, maxCredit, streamBody } from "../engine/wire.js";
import { HisockError } from "../errors.js";
import { root } from "./programs.mjs";

const text = (value) => new TextEncoder().encode(value);
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const { native } = await instance();

/** The WebSocket that the engine has made last. @type {any} */
let socket;

globalThis.WebSocket = class {
  sent = [];
  closed = undefined;

  constructor(url) {
    this.url = url;
    socket = this;
    queueMicrotask(() => this.onopen?.());
  }

  send(part) {
    this.sent.push(part.slice());
  }

  close(code = 1005) {
    if (this.closed !== undefined) return;
    this.closed = code;
    setTimeout(() => this.onclose?.({ code }));
  }

  /** Lets the server send bytes. */
  say(...frames) {
    this.onmessage?.({ data: put(frames).slice().buffer });
  }

  /** The frames that the engine has sent: kinds and bodies. */
  frames() {
    const split = new Splitter(1 << 30);
    split.push(put(this.sent).slice(4)); // after the preface
    const list = [];
    while (split.next()) list.push({ kind: split.kind, body: split.body().rest().slice() });
    return list;
  }
};

/** The welcome of a server that can resume. */
function welcome({ resumed = 0, received = 0, version = 1, token = "token", more = [] } = {}) {
  const field = (tag, value) => [tag, value.length, value];
  const number = (tag, v) => field(tag, put([v]));
  const fields = [
    ...number(1, version), ...field(6, text("session")), ...field(7, text(token)), ...number(15, 1000), ...number(21, 1000),
    ...(resumed ? number(16, 1) : []), ...(received ? number(8, received) : []), ...more.flat(),
  ];
  return frame(kind.welcome, undefined, undefined, put(fields));
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Connects, and records what the sink is told. */
async function connect(more = {}) {
  const told = { states: [], calls: [], commands: 0, ended: undefined };
  const over = new Promise((resolve) => (told.over = resolve));
  const sink = new Proxy({}, {
    get: (_, name) => (...args) => {
      if (name === "state") told.states.push([args[0], args[2]?.code]);
      if (name === "command" || name === "raw") told.commands++;
      if (name === "called") told.calls.push(args[0]);
      if (name === "ended") {
        told.ended = args[0] ?? null;
        told.over();
      }
    },
  });
  socket = undefined;
  const client = native.connect({
    url: "ws://test/", name: "ada", groups: [], auth: new Uint8Array(0), metadata: [], notices: true, maxFrame: 0, queueBytes: 0,
    session: new Uint8Array(0), stay: false, first: false, retry: [1, 1, 0], ...more,
  }, sink);
  client.begin();
  while (!socket?.sent.length) await soon();
  return { client, told, over };
}

/** Returns the code of the goodbye that was sent, if there was one. */
function goodbyeCode(socket) {
  const said = socket.frames().findLast((f) => f.kind === kind.goodbye);
  return said && new Cursor(said.body).number();
}

test("each fault ends the connection with its code, and the client for good", async () => {
  const codes = { 6: "bad_name", 7: "too_big", 8: "protocol", 22: "too_many_groups" };
  let tried = 0;
  for (const { name, hex, code } of JSON.parse(await readFile(join(root, "core/wire/testdata/faults.json"), "utf8"))) {
    if (/^(standstill|hello|welcome|refuse|ask )/.test(name)) continue;
    // Names, groups and addresses of other clients are bounded only by the frame.
    if (/^(joined|left|renamed): .*too (long|many)/.test(name)) continue;
    const { told, over } = await connect();
    socket.say(welcome(), frame(kind.command, undefined, text("x"), text("1")), bytes(hex));
    await over;
    assert.equal(told.ended?.code, codes[code], name);
    assert.ok(told.ended instanceof HisockError);
    assert.equal(goodbyeCode(socket), code, name);
    assert.equal(told.commands, 1, `${name}: what came before is handled`);
    tried++;
  }
  assert.ok(tried > 60, `${tried} tried`);
  assert.deepEqual(native.stats(), { clients: 0, callbacks: 0 });
});

test("what streams must not do ends the connection, and what has ended is skipped", async () => {
  const none = new Uint8Array(0);
  const open = (id, silent = false) => frame(kind.stream, id, undefined, streamBody(1000, silent, text("x"), none));
  const item = (id, size) => frame(kind.streamItem, id, undefined, new Uint8Array(size));
  const end = (id, code = 0) => frame(kind.streamEnd, id, undefined, put([code, 0, 0]));
  const credit = (id, n) => frame(kind.streamCredit, id, undefined, put([n]));
  const cases = {
    "id of a client": [open(3)],
    "id in use": [open(4), open(4)],
    "id before": [open(4), open(2)],
    "item over the credit": [open(2), item(2, 16 << 10)],
    "items of nothing over the credit": [open(2), ...Array(513).fill(item(2, 0))],
    "item of a silent stream": [open(2, true), item(2, 1)],
    "item after the end": [open(2), end(2), item(2, 1)],
    "second end": [open(2), end(2), end(2)],
    "end in an item": [open(2), frame(kind.streamPart, 2, undefined, text("x")), end(2)],
    "credit that overflows": [open(2), credit(2, maxCredit)],
  };
  for (const [name, frames] of Object.entries(cases)) {
    const { told, over } = await connect();
    socket.say(welcome(), ...frames);
    await over;
    assert.equal(told.ended?.code, "protocol", name);
    assert.equal(goodbyeCode(socket), 8, name);
  }
  const { client, told, over } = await connect();
  socket.say(welcome(), open(2), end(2, 1000), item(2, 1 << 19), end(2), credit(2, maxCredit), item(9, 1), credit(8, 1), end(8));
  const streams = Array.from({ length: 200 }, (_, i) => open(2 * i + 4));
  socket.say(...streams);
  await soon();
  assert.equal(told.ended, undefined);
  // One of 128 streams has ended, and its handler has not returned.
  assert.equal(socket.frames().filter((f) => f.kind === kind.streamEnd).length, 200 - 127);
  client.close();
  await over;
});

test("a handshake that is none fails with what is wrong", async () => {
  const cases = {
    protocol: [frame(kind.command, undefined, text("x"))],
    version: [welcome({ version: 2 })],
    too_many_groups: [welcome({ more: [[13, 1, Uint8Array.of(1)], [3, 1, text("a")], [3, 1, text("b")]] })],
    bad_name: [welcome({ more: [[2, 2, text("a\n")]] })],
    too_big: [Uint8Array.of(0xff, 0xff, 0xff, 0x7f)],
    unauthorized: [frame(kind.refuse, undefined, undefined, put([18, 2, text("no"), 0]))],
  };
  for (const [code, frames] of Object.entries(cases)) {
    const { told, over } = await connect();
    socket.say(...frames);
    await over;
    assert.equal(told.ended.code, code);
    assert.ok(socket.closed !== undefined);
  }
  const { told, over } = await connect();
  socket.onmessage({ data: "hello?" });
  await over;
  assert.equal(told.ended.code, "conn_lost");
  assert.equal(socket.closed, 4003);
  assert.deepEqual(native.stats(), { clients: 0, callbacks: 0 });
});

test("a server that lies of what it has is left", async () => {
  for (const lie of ["ack of more", "ack of less", "resumed with more", "resumed with less", "a second welcome", "more groups", "a call twice"]) {
    const { client, told, over } = await connect({ session: new Uint8Array(0) });
    socket.say(welcome({ more: [[13, 1, Uint8Array.of(2)]] }));
    await soon();
    for (let i = 0; i < 3; i++) client.send("x", text("1"));
    await soon();
    const call = frame(kind.request, 9, text("what"));
    if (lie === "ack of more") socket.say(frame(kind.ack, 4));
    if (lie === "ack of less") socket.say(frame(kind.ack, 2), frame(kind.ack, 1));
    if (lie === "a second welcome") socket.say(welcome());
    if (lie === "more groups") socket.say(...["a", "b", "c"].map((group) => frame(kind.joinGroup, undefined, text(group))));
    if (lie === "a call twice") socket.say(call, call);
    if (lie.startsWith("resumed")) {
      socket.say(frame(kind.ack, 2));
      socket.onclose({ code: 1006 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.say(welcome({ resumed: 1, received: lie.endsWith("more") ? 4n << 60n : 1 }));
    }
    await over;
    assert.equal(told.ended.code, lie === "more groups" ? "too_many_groups" : "protocol", lie);
  }
});

test("calls that are not answered, and answers that nobody takes, are bounded", async () => {
  const { client, told, over } = await connect({ queueBytes: 64 << 10 });
  socket.say(welcome());
  await soon();
  for (let id = 1; id <= 5000; id++) socket.say(frame(kind.request, id, text("what")));
  assert.equal(told.calls.length, 4096);
  await soon();
  assert.equal(socket.frames().filter((f) => f.kind === kind.failure).length, 5000 - 4096, "the others are refused");
  // Each answer waits for room: nothing is acknowledged. Then calls are refused, until the refusals are too much, too.
  for (const id of told.calls) client.answer(id, new Uint8Array(1000));
  const isOver = () => told.states.some(([, code]) => code === "slow_consumer");
  for (let id = 6000; !isOver() && id < 40_000; id++) {
    socket.say(frame(kind.request, id, text("what")));
    if (id % 100 === 0) await soon();
  }
  assert.ok(isOver());
  client.close();
  await over;
  assert.equal(told.ended, null);
});

test("whatever comes, the client goes on or ends, and can be closed", async () => {
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 0x7fffffff) % n;
  /** Returns a small number, or one of the largest. */
  const some = (n) => (random(8) ? random(n) : (1n << 63n) + BigInt(random(n)));
  const good = [
    () => frame(kind.command, undefined, text(["x", "say", "\u200b", ""][random(4)]), text("1")),
    () => frame(kind.raw, undefined, undefined, text("raw")),
    () => frame(kind.request, some(5), text("what")),
    () => frame(kind.reply, some(9), undefined, text("1")),
    () => frame(kind.cancel, some(5)),
    () => frame(kind.failure, some(9), undefined, put([1 + random(40), 1, text("n"), 0])),
    () => frame(kind.ping, some(9)),
    () => frame(kind.pong, 1n << 63n),
    () => frame(kind.ack, random(6) ? random(4) : some(4)),
    () => frame(kind.missed, some(9)),
    () => frame([kind.joinGroup, kind.leaveGroup, kind.rename][random(3)], undefined, text("abc"[random(3)])),
    () => frame(kind.replay, undefined, text("a"), put([some(2) || 1, some(9), some(6), random(2)])),
    () => frame(kind.replayEnd, undefined, text("a")),
    () => frame(kind.groupRaw, undefined, text("a"), put([some(9) || 1, text("x")])),
    () => frame(kind.groupPassed, undefined, text("a"), put([some(9) || 1])),
    () => frame(kind.joined, undefined, text("bob"), put([1, 1, text("a"), 0])),
    () => frame(kind.stream, 2, undefined, put([5, 0, 1, text("s")])),
    () => Uint8Array.of(3, 0x80 + random(0x80), 1, 2),
    () => frame(kind.goodbye, undefined, undefined, put([random(40), 0, random(3)])),
  ];
  const ends = new Map();
  for (let round = 0; round < 400; round++) {
    const { client, told, over } = await connect({ queueBytes: round % 3 ? 0 : 300 });
    for (let step = 0; step < 30 && told.ended === undefined; step++) {
      if (random(3) === 0) await soon();
      const data = random(12) === 0 ? [welcome({ resumed: random(2), received: random(5) })] : Array.from({ length: 1 + random(4) }, () => good[random(random(8) ? good.length - 1 : good.length)]());
      if (step === 0) data.unshift(welcome());
      const all = put(data);
      if (random(10) === 0) all[random(all.length)] ^= 1 << random(8);
      if (random(15) === 0) socket.onclose?.({ code: 1006 });
      const cut = random(all.length + 1);
      socket.say(all.subarray(0, cut));
      socket.say(all.subarray(cut));
      switch (random(6)) {
        case 0:
          client.send("x", new Uint8Array(random(200)));
          break;
        case 1:
          client.call(step + 1, "x", new Uint8Array(random(200)));
          break;
        case 2:
          client.change(step + 1, /** @type {any} */ (random(3)), "abc"[random(3)]);
          break;
        case 3:
          if (told.calls.length > 0) client.answer(told.calls.pop(), new Uint8Array(random(200)));
          break;
        case 4:
          client.cancel(random(30));
          break;
        case 5:
          client.drained(step + 100);
      }
    }
    if (round % 4 === 0 && told.ended === undefined) {
      client.detach();
      if (native.stats().clients === 0) continue;
    }
    client.close();
    await over;
    const code = told.ended?.code ?? "closed";
    assert.ok(told.ended === null || told.ended instanceof HisockError, String(told.ended));
    ends.set(code, (ends.get(code) ?? 0) + 1);
  }
  assert.ok(ends.size > 3, JSON.stringify([...ends]));
  assert.ok(!ends.has("internal"), JSON.stringify([...ends]));
  assert.deepEqual(native.stats(), { clients: 0, callbacks: 0 });
});
