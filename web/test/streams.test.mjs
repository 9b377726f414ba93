// Streams between a page and a server.

import assert from "node:assert/strict";
import { addressOf, open, openPage, startProxy, startServer, test } from "./harness.mjs";

test("items come once and in order, both ways", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const out = { n: 0, ordered: true };
    for await (const i of client.stream("numbers", 20_000)) out.ordered &&= i === out.n++;
    out.none = (await client.stream("numbers", 0).next()).done;
    out.total = await client.upload("total", 1, (async function* () {
      for (let i = 0; i < 20_000; i++) yield i;
    })());
    out.fromArray = await client.upload("total", 0, [1, 2, 3], { as: "text" });
    out.upper = [];
    for await (const text of client.exchange("upper", undefined, ["a", "b", "é".repeat(200_000), ""], { as: "text" })) out.upper.push(text);
    out.long = out.upper[2] === "É".repeat(200_000);
    out.upper.splice(2, 1);
    out.first = await client.upload("first", undefined, (function* () { for (;;) yield "one of many"; })(), { as: "text" });
    return out;
  });
  assert.deepEqual(got, {
    n: 20_000, ordered: true, none: true, total: 1 + 20_000 * 19_999 / 2, fromArray: "6", upper: ["A", "B", ""], long: true, first: "one of many",
  });
});

test("bytes go through pipeTo whole", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const data = new Uint8Array(5_000_000);
    for (let i = 0; i < data.length; i++) data[i] = (i * 2654435761) >>> 13;
    const hex = async (bytes) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");
    const sum = client.openBytes("sha256");
    await new Blob([data]).stream().pipeTo(sum.writable);
    const theirs = await new Response(sum.readable).text();
    const echo = client.openBytes("bytes back");
    const [back] = await Promise.all([new Response(echo.readable).arrayBuffer(), new Blob([data]).stream().pipeTo(echo.writable)]);
    return { same: theirs === await hex(data), back: await hex(back) === theirs };
  });
  assert.deepEqual(got, { same: true, back: true });
});

test("a break, a signal and a cancelled reader end a stream at both ends", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const out = {};
    const over = (n) => until(async () => (await client.call("over")) === n);
    for await (const item of client.stream("endless", 100, { as: "text" })) {
      out.item = item.length;
      break;
    }
    await over(1);
    const abort = new AbortController();
    out.aborted = await failure(async () => {
      for await (const _ of client.stream("endless", 100, { signal: abort.signal, as: "text" })) abort.abort(new Error("enough"));
    });
    await over(2);
    out.late = await failure(() => client.stream("endless", 100, { signal: abort.signal, as: "text" }).next());
    const again = new AbortController();
    const waiting = failure(() => client.upload("never", undefined, [], { signal: again.signal }));
    await client.call("sum", [1]);
    again.abort(new Error("no more"));
    out.upload = (await waiting).message;
    await over(3);
    const { readable, writable } = client.openBytes("bytes back");
    const writer = writable.getWriter();
    await writer.write(new Uint8Array(10));
    await readable.cancel();
    out.written = (await failure(() => writer.write(new Uint8Array(10)))).code;
    out.alive = await client.call("sum", [2]);
    return out;
  });
  assert.equal(got.aborted.message, "enough");
  assert.equal(got.late.message, "enough");
  assert.deepEqual([got.item, got.upload, got.written, got.alive], [100, "no more", "canceled", 2]);
});

test("errors of either side end a stream at both ends", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const out = { items: 0 };
    try {
      for await (const _ of client.stream("breaks", 3)) out.items++;
    } catch (err) {
      out.broken = [err.code, err.message, err.remote, err.details.left, err.progress.taken];
    }
    out.unknown = (await failure(() => client.stream("nobody").next())).code;
    out.badItem = (await failure(async () => { for await (const _ of client.stream("endless", 5)); })).code;
    out.source = (await failure(() => client.upload("total", 0, (async function* () { yield 1; throw new Error("no file"); })()))).message;
    out.badValue = (await failure(() => client.upload("total", 0, [1, Symbol()]))).name;
    await until(async () => (await client.call("over")) >= 3);
    out.tooBig = (await failure(() => client.upload("first", undefined, ["x".repeat((1 << 20) + 1)]))).code;
    out.notBytes = (await failure(() => client.openBytes("sha256").writable.getWriter().write("text"))).name;
    const waiting = failure(() => client.upload("never", undefined, []));
    await client.call("sum", [1]);
    await client.close();
    out.closed = (await waiting).code;
    out.after = (await failure(() => client.stream("numbers", 1).next())).code;
    return out;
  });
  assert.deepEqual(got, {
    items: 3, broken: [1001, "sold out", true, 0, 3], unknown: "unknown_command", badItem: "bad_payload", source: "no file", badValue: "TypeError",
    tooBig: "too_big", notBytes: "TypeError", closed: "closed", after: "not_connected",
  });
});

test("a server's sender stops within the window of a page that does not take", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const items = client.stream("endless", 1000, { as: "text" });
    await items.next();
    // It has stopped when it sends nothing between two looks with calls enough between them.
    const settled = async () => {
      for (let last = -1; ; ) {
        const now = await client.call("sent");
        if (now === last) return now;
        last = now;
        for (let i = 0; i < 50; i++) await client.call("sum", [1]);
      }
    };
    const first = await settled();
    for (let i = 0; i < 1000; i++) await items.next();
    const second = await settled();
    await items.return();

    // The page's own sender stops too.
    let asked = 0;
    const abort = new AbortController();
    const waiting = failure(() => client.upload("never", undefined, (function* () { for (;;) yield (asked++, "x".repeat(1000)); })(), { signal: abort.signal }));
    for (let last = -1; asked !== last; ) {
      last = asked;
      for (let i = 0; i < 50; i++) await client.call("sum", [1]);
    }
    const { readable } = client.openBytes("bytes back");
    abort.abort();
    await waiting;
    await readable.cancel();
    return { first, second, asked };
  });
  // What was granted, and what the server has queued ahead of it.
  const most = (256 + 128 + 64) * 1024 / 1032;
  assert.ok(got.first <= most, `${got.first} items were sent`);
  const grown = 512 * 1024 / 1032; // while the page took all that came, the window of the engine in WebAssembly has grown
  assert.ok(got.second >= 1000 && got.second <= 1000 + most + grown, `${got.second} items were sent`);
  assert.ok(got.asked <= most, `${got.asked} items were asked for`);
});

test("streams go on over cuts, once and in order", async (t) => {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await page.exposeFunction("cut", () => proxy.cut());
  const got = await page.evaluate(async () => {
    const resumed = collect();
    const client = await hisock.connect("/ws", { retry: { min: 1, max: 10 }, onState: (state) => state === "resumed" && resumed.push(1) });
    await client.call("sum", [1]);
    const down = (async () => {
      let n = 0;
      for await (const i of client.stream("slowly", 1000)) if (i !== n++) return `item ${i} in place of ${n - 1}`;
      return n;
    })();
    const up = client.upload("total", 0, (async function* () {
      for (let i = 0; i < 1000; i++) {
        if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        yield 1;
      }
    })());
    const echo = client.openBytes("bytes back");
    const data = new Uint8Array(3_000_000).map((_, i) => i % 251);
    const both = Promise.all([new Response(echo.readable).arrayBuffer(), new Blob([data]).stream().pipeTo(echo.writable)]);
    for (let i = 1; i <= 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      await cut();
      await resumed.wait(i);
    }
    const back = new Uint8Array((await both)[0]);
    return { down: await down, up: await up, size: back.length, same: back.every((b, i) => b === i % 251), resumed: resumed.length };
  });
  assert.deepEqual(got, { down: 1000, up: 1000, size: 3_000_000, same: true, resumed: got.resumed });
  assert.ok(got.resumed >= 5);
});

test("a server opens streams to the page", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const out = { ended: [] };
    out.unknown = await client.call("take from page", 1);
    const options = { letters: { as: "text", handler: (n) => ["of", typeof n] } };
    const other = await hisock.connect("/ws", { handleStream: options });
    out.fromOptions = await other.call("take from page", 9);
    out.badOptions = await failure(() => hisock.connect("/ws", { handleStream: { letters: 1 } }));
    const remove = client.handleStream("letters", async function* (n, { signal, command }) {
      try {
        for (const letter of "abcdef") yield letter;
        if (n > 6) throw new hisock.HisockError(1001, "no more letters");
      } finally {
        out.ended.push([command, n]);
      }
    });
    out.some = await client.call("take from page", 2);
    out.all = await client.call("take from page", 7);
    client.handleStream("sum", async function* (from, { items }) {
      for await (const n of items) from += n;
      yield from;
    });
    out.sum = await client.call("sum at page", [1, 2, 3]);
    out.twice = (await failure(() => client.handleStream("sum", function* () {}))).name;
    remove();
    out.gone = await client.call("take from page", 1);
    await until(() => out.ended.length === 2);
    return out;
  });
  assert.deepEqual(got, {
    ended: got.ended, unknown: ["unknown command"], some: ["a", "b"], all: ["a", "b", "c", "d", "e", "f", "code 1001"], sum: 6, twice: "TypeError", gone: ["unknown command"],
    fromOptions: ["of", "string"], badOptions: got.badOptions,
  });
  assert.equal(got.badOptions.name, "TypeError");
  assert.deepEqual(got.ended.map(([command]) => command), ["letters", "letters"]);
});

test("streams that the page drops end when they are collected", async (t) => {
  const { page } = await open(t);
  const cdp = await page.context().newCDPSession(page);
  await page.exposeFunction("collectGarbage", () => cdp.send("HeapProfiler.collectGarbage"));
  await page.evaluate(async () => {
    window.client = await hisock.connect("/ws");
    // Collects what has been dropped, until finalizers have run.
    window.collected = async () => {
      let gone = false;
      const registry = new FinalizationRegistry(() => (gone = true));
      registry.register({}, 0);
      await until(async () => (await collectGarbage(), gone));
      await new Promise((resolve) => setTimeout(resolve));
    };
    window.over = (n) => until(async () => (await collectGarbage(), (await client.call("over")) === n));
  });
  const got = await page.evaluate(async () => {
    const out = {};
    // Somebody still refers to these.
    const kept = client.stream("endless", 10, { as: "text" });
    await kept.next();
    const waited = client.stream("slowly", 300).next().then(({ value }) => value);
    const reader = await (async () => {
      const { readable, writable } = client.openBytes("bytes back");
      await writable.getWriter().write(new Uint8Array(10));
      return readable.getReader();
    })();
    const dropped = async () => {
      await client.stream("endless", 1000, { as: "text" }).next();
      const { readable, writable } = client.openBytes("bytes back");
      await writable.getWriter().write(new Uint8Array(10));
      await readable.getReader().read();
    };
    await dropped();
    await over(2);
    out.kept = [(await kept.next()).value.length, await waited, (await reader.read()).value.length];
    return out;
  });
  assert.deepEqual(got.kept, [10, 0, 10]);
  await page.evaluate(() => over(4)); // the page has returned

  // What a page has sent whole is handled, also if the page drops the stream.
  const send = (n) => page.evaluate(async (n) => {
    await (async () => {
      const writer = client.openBytes("hold").writable.getWriter();
      await writer.write(new Uint8Array(n));
      await writer.close();
    })();
    await collected();
  }, n);
  await send(10);
  assert.equal(await page.evaluate(() => client.call("release", 100_000, { as: "text" })), "10 taken");
  await send(20);
  assert.equal(await page.evaluate(() => client.call("release", 1 << 20, { as: "text" })), "20 taken, canceled");
});
