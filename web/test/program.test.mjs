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
