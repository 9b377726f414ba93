import assert from "node:assert/strict";
import { open, test } from "./harness.mjs";

test("values go out by their type and come back as asked for", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const echo = (value, as) => client.call("echo", value, { as });
    const bytes = async (value) => [...(await echo(value, "bytes"))];
    const out = {
      text: await echo("naïve 🦔 42", "text"),
      textThatReadsAsJSON: [await echo("42", "text"), await echo("null", "text"), await echo("", "text")],
      bom: await echo("\ufeffx", "text"),
      loneSurrogate: await echo("a\ud800b", "text"),
      number: [await echo(-1.5), await echo(1e21), await echo(12345678901234567890n, "text"), await echo("7", "number")],
      bool: [await echo(true), await echo(false)],
      nothing: [await bytes(undefined), (await echo(undefined)) === undefined, await echo(null)],
      object: await echo({ a: [1, { b: "ü" }], c: null }),
      date: await echo(new Date(0)),
      toJSON: await echo({ toJSON: () => [1] }),
      buffers: [
        await bytes(new Uint8Array([0, 255])), await bytes(new Uint8Array([1, 2, 3]).buffer),
        await bytes(new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)), await bytes(new Uint16Array([258])),
        await bytes(new Uint8ClampedArray([9])),
      ],
    };
    await client.close();
    return out;
  });
  assert.deepEqual(got, {
    text: "naïve 🦔 42",
    textThatReadsAsJSON: ["42", "null", ""],
    bom: "\ufeffx",
    loneSurrogate: "a\ufffdb",
    number: [-1.5, 1e21, "12345678901234567890", 7],
    bool: [true, false],
    nothing: [[], true, null],
    object: { a: [1, { b: "ü" }], c: null },
    date: "1970-01-01T00:00:00.000Z",
    toJSON: [1],
    buffers: [[0, 255], [1, 2, 3], [2, 3], [2, 1], [9]],
  });
});

test("Go's typed handlers take what a page sends", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    return [await client.call("sum", [1, 2, 39]), await client.call("double", 2.25), await client.call("not", true)];
  });
  assert.deepEqual(got, [42, 4.5, false]);
});

test("what does not convert", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const seen = collect();
    const client = await hisock.connect("/ws", { onError: (err) => errors.push([err.code, err.message]) });
    const call = async (value, as) => {
      const { code, remote } = await failure(() => client.call("echo", value, { as }));
      return [code, remote];
    };
    const calls = [
      await call("plain"), await call("{"), await call("ten", "number"), await call("", "number"),
      await call("0x10", "number"), await call("NaN", "number"), await call(new Uint8Array([0xff]), "text"),
      await call(new Uint8Array([0xff])),
    ];
    const there = await failure(() => client.call("sum", "not a list"));
    client.on("reflected", (v) => seen.push(v));
    client.send("reflect", "not JSON");
    client.send("reflect", '"JSON"');
    await seen.wait(1);
    await client.close();
    return { calls, there: [there.code, there.remote], seen: [...seen], errors: [...errors] };
  });
  assert.deepEqual(got.calls, Array(8).fill(["bad_payload", false]));
  assert.deepEqual(got.there, ["bad_payload", true]);
  assert.deepEqual(got.seen, ["JSON"]);
  const reported = got.errors.filter(([code]) => code === "bad_payload");
  assert.deepEqual(reported, [["bad_payload", 'payload of "reflected" is not JSON: ask for text with { as: "text" }']]);
});

test("a number is the one that was sent, or none", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", { onError: (err) => errors.push(err.message) });
    const as = async (form, text) => {
      try {
        return await client.call("echo", text, { as: form });
      } catch (err) {
        return err.code;
      }
    };
    const whole = {};
    for (const text of [
      "9007199254740991", "-9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "18446744073709551616",
      "9007199254740993.0", "9007199254740993e0", "90071992547409930E-1", "123456789012345678e1",
    ]) whole[text] = [await as("number", text), await as("json", text), String(await as("bigint", text))];
    const fractions = {};
    for (const text of [
      "0.1", "-0", "1e21", "1e+06", "1.1805916207174113e+21", "1180591620717411303424.0", "3.4028235e+38", "5e-324", "1e-400", "9007199254740992.5",
    ]) fractions[text] = [await as("number", text), await as("json", text)];
    const other = {};
    for (const text of ["1e999", "Infinity", "NaN", "0x10", "1_0", "", " ", "1 2", "\u00a01"]) {
      other[text] = [await as("number", text), await as("bigint", text)];
    }
    const infinite = [await as("json", "1e999"), await as("json", "-1e400")];
    const kept = { space: [await as("number", " 42\n"), await as("bigint", "\t42\v")], sign: [await as("number", "+7"), await as("bigint", "+7")] };

    const big = 2n ** 100n + 1n;
    const seen = collect();
    client.on("reflected", (n) => seen.push(["on", n]), { as: "bigint" });
    client.on("reflected", (n) => seen.push(["number", n]), { as: "number" });
    client.handle("more", (n) => n + 1n, { as: "bigint" });
    client.send("reflect", big);
    await seen.wait(1);
    const sent = {
      call: (await client.call("echo", big, { as: "bigint" })) === big,
      number: await client.call("echo", 2 ** 53 + 1, { as: "text" }),
      handled: await client.call("ask", ["more", String(big)], { as: "text" }),
    };
    await client.close();
    const other2 = await hisock.connect("/ws", { as: "bigint" });
    const byDefault = await other2.call("echo", 7);
    await other2.close();
    return { whole, fractions, other, infinite, kept, seen: [...seen], sent, byDefault, errors: [...errors] };
  });
  const bad = "bad_payload";
  assert.deepEqual(got.whole, {
    "9007199254740991": [9007199254740991, 9007199254740991, "9007199254740991"],
    "-9007199254740991": [-9007199254740991, -9007199254740991, "-9007199254740991"],
    "9007199254740992": [bad, bad, "9007199254740992"],
    "9007199254740993": [bad, bad, "9007199254740993"],
    "-9007199254740993": [bad, bad, "-9007199254740993"],
    "18446744073709551616": [bad, bad, "18446744073709551616"],
    "9007199254740993.0": [bad, bad, bad],
    "9007199254740993e0": [bad, bad, bad],
    "90071992547409930E-1": [bad, bad, bad],
    "123456789012345678e1": [bad, bad, bad],
  });
  for (const [text, values] of Object.entries(got.fractions)) assert.deepEqual(values, [Number(text), Number(text)], text);
  for (const [text, values] of Object.entries(got.other)) assert.deepEqual(values, [bad, bad], text);
  assert.deepEqual(got.infinite, [bad, bad]);
  assert.deepEqual(got.kept, { space: [42, 42n], sign: [7, 7n] });
  assert.deepEqual(got.seen, [["on", 2n ** 100n + 1n]]);
  assert.deepEqual(got.sent, { call: true, number: "9007199254740992", handled: `answer: ${2n ** 100n + 2n}` });
  assert.equal(got.byDefault, 7n);
  const why = 'payload of "reflected" is a whole number that a number cannot hold: ask for it with { as: "bigint" }';
  assert.equal(got.errors.filter((text) => text === why).length, 1);
});

test("the form of a connection's payloads can be set once", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const seen = collect();
    const client = await hisock.connect("/ws", {
      as: "text",
      on: { reflected: { as: "json", handler: (v) => seen.push(v) } },
    });
    client.on("reflected", (v) => seen.push(v));
    client.send("reflect", "17");
    return [await seen.wait(2), await client.call("echo", "18"), await client.call("echo", "19", { as: "json" })];
  });
  assert.deepEqual(got, [[17, "17"], "18", 19]);
});

test("a buffer that was taken away is a TypeError, and nothing else comes of it", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", { as: "text", onError: (err) => errors.push(err.name) });
    const gone = () => {
      const view = new Uint8Array(8);
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return view;
    };
    const shrunk = () => {
      const buffer = new ArrayBuffer(16, { maxByteLength: 16 });
      const view = new Uint8Array(buffer, 8, 8);
      buffer.resize(4);
      return view;
    };
    client.handle("gone", gone);
    const names = [];
    for (const make of [gone, shrunk]) {
      for (const use of [(v) => client.send("reflect", v), (v) => client.sendRaw(v), (v) => client.call("echo", v)]) {
        names.push((await failure(() => use(make()))).name);
      }
      names.push((await failure(() => hisock.connect("/ws", { auth: make(), retry: { first: false } }))).name);
    }
    const taken = new Uint8Array([1, 2]);
    const later = hisock.connect("/ws", { auth: taken }).then((other) => other.close());
    structuredClone(taken.buffer, { transfer: [taken.buffer] }); // it was copied
    await later;
    const asked = await client.call("ask", ["gone", ""]);
    const alive = await client.call("echo", "still here");
    const { clients } = await hisock.internals.stats();
    return { names, asked, alive, clients, errors: errors.filter((name) => name !== "HisockError") };
  });
  assert.deepEqual(got.names, Array(8).fill("TypeError"));
  assert.match(got.asked, /^failed: internal error/);
  assert.deepEqual([got.alive, got.clients, got.errors], ["still here", 1, ["TypeError"]]);
});

test("buffers of other realms and kinds are sent as their bytes", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const other = document.body.appendChild(document.createElement("iframe")).contentWindow;
    const client = await hisock.connect(new other.URL("/ws", location.href), { auth: new other.ArrayBuffer(2) });
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
    new Uint8Array(shared)[65535] = 7;
    const growing = new ArrayBuffer(1, { maxByteLength: 3 });
    const views = {
      bytes: new other.Uint8Array([1, 2, 3]).subarray(1),
      buffer: new other.Uint8Array([4]).buffer,
      words: new other.Uint16Array([258]),
      view: new other.DataView(new other.Uint8Array([5, 6, 7]).buffer, 1, 1),
      ours: new Uint8Array([8]),
      growing: new Uint8Array(growing),
      sharedPart: new Uint8Array(shared, 65534),
    };
    growing.resize(2);
    const out = {};
    for (const [what, value] of Object.entries(views)) out[what] = [...(await client.call("echo", value, { as: "bytes" }))];
    out.shared = (await client.call("echo", shared, { as: "bytes" })).length;
    client.send("reflect", views.bytes);
    client.sendRaw(views.words);
    out.raw = [...(await client.recvRaw({ signal: new other.AbortController().signal }))].slice(-2);
    return out;
  });
  assert.deepEqual(got, {
    bytes: [2, 3], buffer: [4], words: [2, 1], view: [6], ours: [8], growing: [0, 0], sharedPart: [0, 7], shared: 65536, raw: [2, 1],
  });
});

test("what would become an empty object is refused", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "text" });
    const other = document.body.appendChild(document.createElement("iframe")).contentWindow;
    const values = {
      Map: new Map([[1, 2]]), Set: new Set([1]), Promise: Promise.resolve(1), RegExp: /x/, Error: new Error("x"), Blob: new Blob(["x"]),
      File: new File(["x"], "x"), URLSearchParams: new URLSearchParams("a=b"), ArrayBuffer: { deep: [new ArrayBuffer(2)] },
      "other realm's Map": new other.Map(), Generator: (function* () {})(),
    };
    const out = {};
    for (const [what, value] of Object.entries(values)) {
      const { name, message } = await failure(() => client.send("reflect", value));
      out[what] = [name, message];
    }
    class Point {
      #x = 1;
    }
    const kept = [];
    for (const value of [{}, new Point(), new other.Object(), [{}, "{}"], { a: {}, d: new Date(0), n: null }, Object.create(null)]) {
      kept.push(await client.call("echo", value));
    }
    return { out, kept };
  });
  for (const [what, [name, message]] of Object.entries(got.out)) {
    assert.equal(name, "TypeError", what);
    assert.ok(message.startsWith(`hisock: command "reflect": a ${what.replace("other realm's ", "")} has no form in JSON`), message);
  }
  assert.deepEqual(got.kept, ["{}", "{}", "{}", '[{},"{}"]', '{"a":{},"d":"1970-01-01T00:00:00.000Z","n":null}', "{}"]);
});
