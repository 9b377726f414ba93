// The border between the page and the Go program: what a page passes, and how often the border is crossed.

import assert from "node:assert/strict";
import { open, prepare, test } from "./harness.mjs";

test("nothing that a page passes ends the engine", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "text" });
    const away = (make) => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
      const view = make(buffer);
      structuredClone(buffer, { transfer: [buffer] });
      return view;
    };
    const cut = (make) => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
      const view = make(buffer);
      buffer.resize(8);
      return view;
    };
    const views = [
      (b) => b, (b) => new Uint8Array(b), (b) => new Uint8Array(b, 16), (b) => new Uint8Array(b, 16, 32), (b) => new DataView(b, 16), (b) => new Float64Array(b, 16, 2),
    ];
    const tries = [
      (v) => client.send("take", v), (v) => client.sendRaw(v), (v) => client.call("echo", v), (v) => client.upload("first", v, []),
      (v) => client.upload("first", undefined, [v]), (v) => client.openBytes("bytes back", v).writable.abort(), async (v) => {
        const writer = client.openBytes("bytes back").writable.getWriter();
        await writer.write(v).finally(() => writer.abort().catch(() => {}));
      },
      (v) => hisock.connect("/ws", { auth: v, retry: false, timeout: 2000 }).then((c) => c.close()),
      (v) => hisock.connect("/ws", { auth: () => v, retry: false, timeout: 2000 }).then((c) => c.close()),
    ];
    const wrong = [];
    for (const [i, run] of tries.entries()) {
      for (const broken of [away, cut]) {
        for (const make of views) {
          try {
            await run(broken(make));
          } catch (err) {
            if (!(err instanceof TypeError) && err.code === undefined) wrong.push(`${i}: ${err}`);
            if (err.code === "crashed") wrong.push(`${i}: crashed`);
          }
        }
      }
    }
    return { wrong, alive: await client.call("echo", "alive") };
  });
  assert.deepEqual(got, { wrong: [], alive: "alive" });
});

test("messages of one task are one write, and arrive whole", async (t) => {
  const { page } = await open(t, { importFrom: null });
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    window.writes = 0;
    WebSocket.prototype.send = function (data) {
      window.writes++;
      send.call(this, data);
    };
  });
  await prepare(page);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "text" });
    await client.call("echo", "");
    const before = writes;
    for (let i = 0; i < 500; i++) client.send("take", "x".repeat(i % 40));
    const answers = Promise.all(Array.from({ length: 500 }, (_, i) => client.call("echo", `${i} é`)));
    await new Promise((resolve) => setTimeout(resolve));
    const written = writes - before;
    return { few: written <= 3 || written, same: (await answers).every((text, i) => text === `${i} é`) };
  });
  assert.deepEqual(got, { few: true, same: true });
});

test("a frame that is too long is refused without a copy", async (t) => {
  const { page } = await open(t, { importFrom: null });
  await page.evaluate(() => {
    const { Instance } = WebAssembly;
    WebAssembly.Instance = class extends Instance {
      constructor(...args) {
        super(...args);
        window.memory = this.exports.mem;
      }
    };
  });
  await prepare(page);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "bytes" });
    const long = new Uint8Array(100 << 20);
    const codes = [
      (await failure(() => client.send("take", long))).code, (await failure(() => client.sendRaw(long))).code, (await failure(() => client.call("echo", long))).code,
      (await failure(() => client.upload("first", long, []))).code, (await failure(() => client.upload("first", undefined, [long]))).code,
    ];
    const near = new Uint8Array(900 << 10).fill(7); // longer than the space for a record
    const back = await client.call("echo", near);
    return { codes, near: back.length === near.length && back.every((b) => b === 7), mebibytes: memory.buffer.byteLength >> 20 };
  });
  assert.deepEqual([...new Set(got.codes.slice(0, 3)), got.near], ["too_big", true]);
  assert.ok(got.mebibytes < 24, `${got.mebibytes} MiB`);
}, ["wasm"]);

test("a trap is on the console, ends clients with a typed error, and the next client has a new program", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const waiting = failure(() => client.upload("never", undefined, []));
    const call = failure(() => client.call("slow", 60_000));
    const { now } = performance;
    performance.now = () => {
      performance.now = now;
      throw new Error("no clock");
    };
    await failure(() => client.send("take", "one"));
    const codes = [(await waiting).code, (await call).code, (await client.closed).code];
    const after = [(await failure(() => client.send("take", "two"))).code, (await failure(() => client.stream("numbers", 1).next())).code];
    const next = await hisock.connect("/ws");
    return { codes, after, sum: await next.call("sum", [1, 2]) };
  });
  assert.deepEqual(got, { codes: ["crashed", "crashed", "crashed"], after: ["not_connected", "not_connected"], sum: 3 });
  assert.ok(page.output.some((line) => /Go program of this page is gone.*no clock/s.test(line)), page.output.join());
}, ["wasm"]);

test("a burst reaches the program in pieces, and the page has its turns between them", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const { Feed } = await import("/hisock/program/feed.js");
    const mebibyte = 1 << 20;
    const work = (ms) => { // what the program takes for a piece
      for (const end = performance.now() + ms; performance.now() < end; );
    };
    const run = async (messages) => {
      const feed = new Feed();
      const order = [];
      let pieces = 0;
      let most = 0; // of bytes in a piece
      let sinceTurn = 0;
      let longest = 0; // pieces without a turn
      const over = new Promise((resolve) => (feed.handlers.close = resolve));
      feed.handlers.message = ({ data }) => {
        work(1);
        pieces++;
        order.push(...new Set(new Uint8Array(data)));
        most = Math.max(most, data.byteLength);
        longest = Math.max(longest, ++sinceTurn);
      };
      const turn = new MessageChannel();
      turn.port1.onmessage = () => {
        sinceTurn = 0;
        turn.port2.postMessage(0);
      };
      turn.port2.postMessage(0);
      for (const [i, size] of messages.entries()) feed.push({ type: "message", data: new Uint8Array(size).fill(i).buffer });
      feed.push({ type: "close" });
      await over;
      turn.port1.close();
      const distinct = order.filter((n, i) => n !== order[i - 1]);
      return { pieces, most, longest, inOrder: distinct.every((n, i) => n === i) && distinct.length === messages.length };
    };
    return { one: await run([mebibyte]), many: await run(Array(100).fill(8192)), flood: await run([mebibyte, mebibyte]) };
  });
  for (const { inOrder, most } of Object.values(got)) assert.ok(inOrder && most <= 16 << 10);
  // A piece takes a millisecond, and the page has its turn after eight. A browser may run two of three tasks in another order.
  assert.equal(got.one.pieces, 64);
  assert.equal(got.many.pieces, 100);
  for (const { longest } of [got.one, got.many]) assert.ok(longest <= 18, `${longest} pieces without a turn`);
  // Whatever is more than a mebibyte is taken at once.
  assert.ok(got.flood.longest >= 64 && got.flood.longest <= 82, `${got.flood.longest} pieces without a turn`);
}, ["wasm"]);

test("a message with many frames reaches the page in parts, between which it has its turns", async (t) => {
  const { page } = await open(t, { importFrom: null });
  await page.evaluate(() => {
    // Messages of the server are gathered into one, until it has so many bytes.
    const Bytes = Uint8Array;
    window.gathered = 0;
    window.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        const parts = [];
        let size = 0;
        this.addEventListener("message", (event) => {
          if (gathered === 0) return;
          event.stopImmediatePropagation();
          parts.push(new Bytes(event.data));
          size += event.data.byteLength;
          if (size < gathered) return;
          window.gathered = 0;
          const all = new Bytes(size);
          parts.splice(0).reduce((at, part) => (all.set(part, at), at + part.length), 0);
          this.dispatchEvent(new MessageEvent("message", { data: all.buffer }));
        });
      }
    };
    // The program needs a millisecond and more for a piece, and takes each payload out of its memory by a slice.
    window.slow = false;
    window.sinceTurn = window.longest = 0;
    window.Uint8Array = class extends Uint8Array {
      constructor(...args) {
        super(...args);
        if (slow && args[0] instanceof ArrayBuffer) for (const end = performance.now() + 1; performance.now() < end; );
      }
    };
    const { slice } = Uint8Array.prototype;
    Object.getPrototypeOf(Uint8Array).prototype.slice = function (...args) {
      const part = slice.apply(this, args);
      if (part.length === 128) window.longest = Math.max(longest, ++window.sinceTurn);
      return part;
    };
  });
  await prepare(page);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "text" });
    await client.call("echo", "");
    const n = 6000;
    window.gathered = 128 * n;
    window.slow = true;
    const turn = new MessageChannel();
    turn.port1.onmessage = () => {
      window.sinceTurn = 0;
      turn.port2.postMessage(0);
    };
    turn.port2.postMessage(0);
    let seen = 0;
    const all = new Promise((resolve) => client.on("text", () => ++seen === n && resolve()));
    client.send("texts", n);
    await all;
    turn.port1.close();
    return { seen, longest };
  });
  assert.equal(got.seen, 6000);
  // In eight milliseconds the program takes at most eight pieces, of some 120 frames each.
  assert.ok(got.longest > 100 && got.longest < 2400, `${got.longest} messages without a turn`);
}, ["wasm"]);
