import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./harness.mjs";

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

test("a thousand messages arrive in order, commands and calls among each other", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const seen = collect();
    client.on("n", (n) => seen.push(n));
    client.send("flood", 1000);
    const flood = await seen.wait(1000);
    const back = collect();
    client.on("reflected", (n) => back.push(n));
    const calls = [];
    for (let i = 0; i < 1000; i++) {
      client.send("reflect", i);
      if (i % 100 === 0) calls.push(client.call("double", i).then((n) => [n, back.at(-1)]));
    }
    // A reply overtakes nothing that was sent before it.
    return { flood, back: await back.wait(1000), calls: await Promise.all(calls) };
  });
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  assert.deepEqual(got.flood, numbers);
  assert.deepEqual(got.back, numbers);
  for (const [i, [doubled, last]] of got.calls.entries()) {
    assert.equal(doubled, 200 * i);
    assert.ok(last >= 100 * i, `reply ${i} came before message ${100 * i}, after ${last}`);
  }
});

test("large payloads, up to the frame limit", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const big = crypto.getRandomValues(new Uint8Array(65536));
    const payload = new Uint8Array(512 << 10).map((_, i) => big[i % big.length] ^ (i >> 16));
    const back = await client.call("echo", payload, { as: "bytes" });
    const same = back.length === payload.length && back.every((b, i) => b === payload[i]);
    const over = await failure(() => client.send("say", new Uint8Array(2 << 20)));
    const alive = await client.call("sum", [1, 1]);
    return { same, over: [over.code, over.remote], alive };
  });
  assert.deepEqual(got, { same: true, over: ["too_big", false], alive: 2 });
});

test("what has no room is refused, nothing is lost, and the page learns when there is room", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const states = collect();
    const client = await hisock.connect("/ws", { queueBytes: 256 << 10, onState: (state, why) => states.push([state, why?.code]) });
    const seen = collect();
    client.on("reflected", (bytes) => seen.push(bytes.length === 50_000 ? bytes[0] : bytes.length), { as: "bytes" });
    const chunk = (i) => new Uint8Array(50_000).fill(i);
    const refused = new Set();
    for (let i = 0; i < 100; i++) {
      try {
        client.send("reflect", chunk(i));
      } catch (err) {
        refused.add(`${err.code} ${err instanceof hisock.HisockError} ${err.remote}`);
        await client.drained();
        client.send("reflect", chunk(i));
      }
    }
    for (let i = 100; i < 150; i++) {
      await client.drained();
      client.send("reflect", chunk(i));
    }
    // What is larger than half of the queue waits until it is empty.
    client.send("reflect", chunk(150));
    const large = new Uint8Array(250_000);
    const full = await failure(() => client.send("reflect", large));
    await client.drained();
    client.send("reflect", large);
    let raw = 0;
    client.onRaw(() => raw++);
    await client.drained();
    const rawFull = await failure(() => {
      for (let i = 0; i < 100; i++) client.sendRaw(chunk(i));
    });
    await client.drained();
    client.send("reflect", new Uint8Array(1000));
    await until(() => seen.includes(1000));
    const abort = new AbortController();
    abort.abort(new Error("never mind"));
    const aborted = await failure(() => client.drained({ signal: abort.signal }));
    await client.close();
    const closed = await failure(() => client.drained());
    return {
      refused: [...refused], seen: [...seen], full, rawFull: rawFull.code, raw: raw > 0, aborted: aborted.message, closed: closed.code,
      states: [...states],
    };
  });
  assert.deepEqual(got.refused, ["queue_full true false"]);
  assert.deepEqual(got.seen, [...Array(151).keys(), 250_000, 1000]);
  assert.equal(got.full.code, "queue_full");
  assert.match(got.full.message, /no room for a frame of 2500\d\d B: \d+ B wait to be written/);
  assert.deepEqual([got.rawFull, got.raw, got.aborted, got.closed], ["queue_full", true, "never mind", "not_connected"]);
  assert.deepEqual(got.states, [["connected", undefined], ["disconnected", undefined]]);
  assert.deepEqual(page.errors, []);
});

test("a page that is away is told that there is no room, and goes on", async (t) => {
  const { server, page } = await open(t);
  await page.evaluate(async () => {
    window.client = await hisock.connect("/ws", { queueBytes: 128 << 10 });
  });
  await server.kill();
  const got = await page.evaluate(async () => {
    await until(() => client.state === "reconnecting");
    const full = await failure(() => {
      for (let i = 0; i < 100; i++) client.send("reflect", new Uint8Array(10_000));
    });
    const late = await failure(() => client.drained({ timeout: 50 }));
    return [full.code, late.code, client.state];
  });
  assert.deepEqual(got, ["queue_full", "deadline_exceeded", "reconnecting"]);
});

test("raw messages: recvRaw first, then handlers, else kept", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const text = (b) => new TextDecoder().decode(b);
    const client = await hisock.connect("/ws");
    // Kept until asked for.
    client.sendRaw("one");
    client.sendRaw(new TextEncoder().encode("two"));
    await client.call("sum", []);
    const kept = [text(await client.recvRaw()), text(await client.recvRaw())];
    // Asked for before it comes, by two.
    const both = Promise.all([client.recvRaw(), client.recvRaw()]);
    client.sendRaw("three");
    client.sendRaw("four");
    const waited = (await both).map(text);
    // Given up: the message goes to the next.
    const abort = new AbortController();
    const given = failure(() => client.recvRaw({ signal: abort.signal }));
    abort.abort(new Error("enough"));
    const given2 = await failure(() => client.recvRaw({ signal: abort.signal }));
    const handled = collect();
    const remove = client.onRaw((b) => handled.push(text(b)));
    const messages = collect();
    client.onMessage((m) => messages.push([m.kind, m.command, text(m.bytes)]));
    client.sendRaw("five");
    await handled.wait(1);
    remove();
    const left = failure(() => client.recvRaw());
    await client.close();
    return { kept, waited, given: [(await given).message, given2.message], handled: [...handled], messages: [...messages], left: (await left).code };
  });
  assert.deepEqual(got, {
    kept: ["back: one", "back: two"], waited: ["back: three", "back: four"], given: ["enough", "enough"],
    handled: ["back: five"], messages: [["raw", "", "back: five"]], left: "closed",
  });
});

test("raw messages that nobody wants do not pile up", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", { onError: (err) => errors.push(err.code) });
    for (let i = 0; i < 300; i++) client.send("raw please", String(i));
    await errors.wait(44 + 3); // three of them for the commands of the welcome
    let kept = 0;
    await client.close();
    while ((await failure(() => client.recvRaw())) === "did not fail") kept++;
    return { kept, dropped: errors.filter((code) => code === "queue_full").length };
  });
  assert.deepEqual(got, { kept: 256, dropped: 44 });
});

test("handlers: several, removed, and one that fails", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const log = collect();
    const client = await hisock.connect("/ws", { as: "text", onError: (err) => errors.push(err.message) });
    const first = (v, info) => log.push(`first ${v} ${info.command} ${info.bytes.length}`);
    client.on("reflected", first);
    client.on("reflected", () => {
      throw new Error("thrown");
    });
    client.on("reflected", async () => {
      throw new Error("rejected");
    });
    const remove = client.on("reflected", (v) => log.push(`last ${v}`));
    const messages = collect();
    client.onMessage((m) => messages.push(m.command));
    client.send("reflect", "a");
    await log.wait(2);
    remove();
    remove();
    client.off("reflected", first);
    client.send("reflect", "b");
    await client.call("sum", [], { as: "bytes" });
    client.off("reflected");
    client.send("reflect", "c");
    await client.call("sum", [], { as: "bytes" });
    return { log: [...log], errors: [...errors].slice(-4).sort(), messages: [...messages] };
  });
  assert.deepEqual(got.log, ["first a reflected 1", "last a"]);
  assert.deepEqual(got.errors, ["rejected", "rejected", "thrown", "thrown"]);
  assert.deepEqual(got.messages.filter((m) => m !== "early"), ["reflected", "reflected", "reflected"]);
  assert.deepEqual(page.errors, []);
});

test("a failure that no handler of errors takes is the page's uncaught error", async (t) => {
  const { page } = await open(t);
  await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    client.on("reflected", () => {
      throw new Error("nobody caught me");
    });
    client.send("reflect", 1);
    await client.call("sum", []);
  });
  assert.deepEqual(page.errors.map((err) => err.message), ["nobody caught me"]);
});

test("what nobody hears of is a warning, and no server fills the console", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const warned = [];
    console.warn = (...args) => warned.push(args);
    const flood = async (options) => {
      const client = await hisock.connect("/ws", options);
      client.on("n", () => {}, { as: "text" });
      client.on("reflected", () => {}, { as: "number" });
      for (let i = 0; i < 1000; i++) client.send("reflect", "x".repeat(100));
      client.send("raw please", "raw");
      await client.call("sum", []);
      await client.close();
    };
    const own = [];
    await flood({});
    const shown = warned.splice(0);
    await flood({ log: (message, details) => own.push([message, details.code]) });
    await flood({ log: false });
    return { shown, own, silent: warned.length };
  });
  const count = (rows, message) => rows.filter(([m]) => m === message).length;
  assert.equal(count(got.shown, "hisock: a payload does not convert"), 5);
  assert.equal(count(got.shown, "hisock: a command has no handler"), 3, "early");
  assert.deepEqual(got.shown.find(([m]) => m.includes("convert"))[1], {
    code: "bad_payload",
    err: 'payload of "reflected" is not a decimal number',
  });
  assert.equal(count(got.own, "hisock: a payload does not convert"), 5);
  assert.equal(got.silent, 0);
  assert.deepEqual(page.errors, []);
});

test("groups, and who comes and goes", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const pushed = collect();
    const presence = collect();
    const client = await hisock.connect("/ws", {
      name: "ada",
      onClientConnect: (who) => presence.push(["came", who.name, who.groups, typeof who.address]),
      onClientDisconnect: (who) => presence.push(["went", who.name, who.groups, typeof who.address]),
    });
    client.on("pushed", (text) => pushed.push(text), { as: "text" });
    await client.join("room 1");
    const groups = client.groups;
    client.send("push to group", "room 1");
    await pushed.wait(1);
    client.leave("room 1");
    client.send("push to group", "room 1"); // which is handled behind it
    const bad = (await failure(() => client.join(""))).code;
    const bob = await hisock.connect("/ws", { name: "bob", groups: ["room 2"] });
    await bob.close();
    await presence.wait(2);
    const unasked = await hisock.connect("/ws");
    const none = (await failure(() => unasked.onClientConnect(() => {}))).code;
    return { groups, after: client.groups, pushed: [...pushed], presence: presence.slice(0, 2), bad, none };
  });
  assert.deepEqual(got, {
    groups: ["room 1"], after: [], pushed: ['to "room 1"'],
    presence: [["came", "bob", ["room 2"], "string"], ["went", "bob", ["room 2"], "string"]],
    bad: "bad_name", none: "unsupported",
  });
});

test("a change of name, from either end", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const events = collect();
    const heard = collect();
    const ada = await hisock.connect("/ws", { onClientRename: (old, who) => heard.push([old, who.name, who.groups]) });
    const bob = await hisock.connect("/ws", {
      name: "bob", groups: ["room"],
      onRename: (old, name) => events.push([old, name]),
      onJoinGroup: (group) => events.push(["in", group]),
    });
    bob.onLeaveGroup((group) => events.push(["out of", group]));
    await ada.rename("ada");
    const taken = (await failure(() => bob.rename("ada"))).code;
    await bob.rename("eve");
    const now = bob.name;
    bob.send("call me", "zoe");
    bob.send("put me into", "attic");
    await Promise.all([bob.leave("room"), bob.rename("")]);
    await events.wait(5);
    await ada.call("sum", []);
    await heard.wait(3);
    const bad = (await failure(() => bob.rename("a\nb"))).code;
    const unasked = (await failure(() => bob.onClientRename(() => {}))).code;
    const names = [ada.name, bob.name];
    await bob.close();
    return { events: [...events], heard: [...heard], bad, taken, now, unasked, names, late: (await failure(() => bob.rename("x"))).code };
  });
  assert.deepEqual(got, {
    events: [["bob", "eve"], ["eve", "zoe"], ["in", "attic"], ["out of", "room"], ["zoe", ""]],
    heard: [["bob", "eve", []], ["eve", "zoe", []], ["zoe", "", []]],
    bad: "bad_name", taken: "name_taken", now: "eve", unasked: "unsupported", names: ["ada", ""], late: "not_connected",
  });
});

test("what the server refuses to change rejects with why", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { name: "ada", groups: ["room", "staff"] });
    const why = (err) => [err.code, err.message, err.remote, err.retryAfter];
    const refusal = (promise) => promise.then(() => "did not fail", why);
    const refused = client.refusedGroups.map(({ group, why: err }) => [group, ...why(err)]);
    const failures = {
      staff: await refusal(client.join("staff")),
      busy: await refusal(client.rename("busy")),
      late: await refusal(client.join("slow", { timeout: 50 })),
      here: await refusal(client.leave("")),
      option: (await failure(() => client.join("room", { as: "text" }))).name,
    };
    const abort = new AbortController();
    const given = failure(() => client.join("slow", { signal: abort.signal }));
    abort.abort(new Error("changed my mind"));
    failures.given = (await given).message;
    const closing = failure(() => client.join("slow"));
    const is = [client.name, client.groups];
    await client.close();
    return { refused, failures, closed: (await closing).code, is, kept: client.refusedGroups.length };
  });
  assert.deepEqual(got, {
    refused: [["staff", 1001, "staff only", true, 0]],
    failures: {
      staff: [1001, "staff only", true, 0],
      busy: ["rate_limit", "not so fast", true, 1500],
      late: ["deadline_exceeded", 'join "slow": no answer after 50 ms', false, 0],
      here: got.failures.here,
      option: "TypeError",
      given: "changed my mind",
    },
    closed: "closed", is: ["ada", ["room"]], kept: 1,
  });
  assert.equal(got.failures.here[0], "bad_name");
  assert.equal(got.failures.here[2], false);
});

test("commands that cannot be", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const noop = () => {};
    const codes = {};
    for (const name of ["", "a\nb", "x".repeat(300)]) {
      codes[`send ${name.slice(0, 3)}`] = (await failure(() => client.send(name))).code;
      codes[`call ${name.slice(0, 3)}`] = (await failure(() => client.call(name))).code;
      codes[`on ${name.slice(0, 3)}`] = (await failure(() => client.on(name, noop))).code;
    }
    for (const name of ["join", "leave", "message", "client_connect"]) {
      codes[`on ${name}`] = (await failure(() => client.on(name, noop))).code;
      codes[`handle ${name}`] = (await failure(() => client.handle(name, noop))).code;
    }
    const types = {};
    const wrong = {
      "send without a name": () => client.send(),
      "send to a number": () => client.send(1),
      "send a function": () => client.send("x", noop),
      "send a symbol": () => client.send("x", Symbol("s")),
      "send NaN": () => client.send("x", NaN),
      "send a circle": () => { const a = []; a.push(a); client.send("x", a); },
      "send what JSON leaves out": () => client.send("x", { toJSON: noop }),
      "sendRaw a number": () => client.sendRaw(1),
      "sendRaw an object": () => client.sendRaw({}),
      "call with a timeout of text": () => client.call("sum", [], { timeout: "1" }),
      "call with a misspelt option": () => client.call("sum", [], { timout: 1 }),
      "call with a signal of nothing": () => client.call("sum", [], { signal: null }),
      "on without a handler": () => client.on("x"),
      "on with text": () => client.on("x", "noop"),
      "on with null": () => client.on("x", null),
      "handle without a handler": () => client.handle("y"),
      "handle with an object": () => client.handle("y", { handler: noop }),
      "onMessage with null": () => client.onMessage(null),
      "onRaw without a handler": () => client.onRaw(),
      "onError with text": () => client.onError("noop"),
      "onMissed without a handler": () => client.onMissed(),
      "onUndelivered without a handler": () => client.onUndelivered(),
      "onClientConnect without a handler": () => client.onClientConnect(),
      "onClientDisconnect without a handler": () => client.onClientDisconnect(),
      "onClientRename without a handler": () => client.onClientRename(),
      "onRename without a handler": () => client.onRename(),
      "onJoinGroup without a handler": () => client.onJoinGroup(),
      "onLeaveGroup without a handler": () => client.onLeaveGroup(),
      "connect with a null handler": () => hisock.connect("/ws", { on: { x: null } }),
      "connect with a null hook": () => hisock.connect("/ws", { onState: null }),
      "connect with an object as a handler of calls": () => hisock.connect("/ws", { handle: { x: {} } }),
      "on with an unknown form": () => client.on("x", noop, { as: "html" }),
      "off with a number": () => client.off(1),
      "a second handler of calls": () => { client.handle("x", noop); client.handle("x", noop); },
      "onState without a handler": () => client.onState(),
      "join a number": () => client.join(1),
      "rename to a number": () => client.rename(1),
      "recvRaw with a signal of text": () => client.recvRaw({ signal: "now" }),
      "an error code of hisock's own range": () => new hisock.HisockError(17, "x"),
      "an error without a code": () => new hisock.HisockError(),
    };
    for (const [what, fn] of Object.entries(wrong)) types[what] = (await failure(fn)).name;
    return { codes, types, alive: await client.call("sum", [1]) };
  });
  for (const [what, code] of Object.entries(got.codes)) assert.equal(code, "bad_name", what);
  for (const [what, name] of Object.entries(got.types)) assert.equal(name, "TypeError", what);
  assert.equal(got.alive, 1);
});
