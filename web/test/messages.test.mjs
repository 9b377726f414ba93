import assert from "node:assert/strict";
import { open, test } from "./harness.mjs";

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
    // An answer does not overtake messages that were sent before it.
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
    // A message that is larger than half of the queue waits until the queue is empty.
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
    // The message is kept until recvRaw takes it.
    client.sendRaw("one");
    client.sendRaw(new TextEncoder().encode("two"));
    await client.call("sum", []);
    const kept = [text(await client.recvRaw()), text(await client.recvRaw())];
    // Two calls of recvRaw wait before a message comes.
    const both = Promise.all([client.recvRaw(), client.recvRaw()]);
    client.sendRaw("three");
    client.sendRaw("four");
    const waited = (await both).map(text);
    // A waiting recvRaw is given up: the message goes to the next one.
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

test("what a client sends, gets and goes through can be read, within bounds", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const { debug, debugTo } = await import("/hisock/debug.js");
    const lines = [];
    const client = await hisock.connect("/ws", {
      name: "ada", auth: async () => "secret", debug: debugTo((line) => lines.push(line.replace(/^hisock \d+\.\d{3} /, ""))), log: false,
    });
    client.handle("confirm", () => "yes", { as: "text" });
    client.on("reflected", () => {}, { as: "bytes" });
    client.send("reflect", "line\n\u202e" + "x".repeat(100));
    client.send("reflect", new Uint8Array(20).fill(200));
    await client.call("sum", [1, 2]);
    await client.call("nobody").catch(() => {});
    await client.call("ask", ["confirm", "?"], { as: "text" });
    await client.join("room");
    await client.rename("grace");
    client.sendRaw("raw");
    await client.recvRaw();
    const before = [...lines];
    client.send("flood", 1000);
    await client.call("sum", []);
    await client.close();
    console.debug = (line) => lines.push(`console: ${line}`);
    await (await hisock.connect("/ws", { debug })).close();
    return { before, count: lines.filter((line) => !line.startsWith("console")).length, console: lines.at(-1) };
  });
  const said = got.before.map((line) => line.replace(/ after [\d.]+ ms$/, " after").replace(/127\.0\.0\.1:\d+/, "host"));
  for (const line of [
    "● connecting to ws://host/ws", "● the auth is asked for", '● connected as "ada"', `→ reflect, 108 B: line··${"x".repeat(74)}…`,
    `→ reflect, 20 B: ${"c8 ".repeat(16).trim()}…`, "← early, 1 B: 0", "→ call sum #1, 5 B: [1,2]", "← call sum #1, 1 B: 3, after",
    "← call confirm of the server #2, 1 B: ?", "→ answer #2, 3 B", "→ join room #4", "← join room #4, after", "← joinGroup room",
    "← rename ada to grace", "→ raw, 3 B: raw", "← raw, 9 B: back: raw",
  ]) assert.ok(said.includes(line), `${line} is not in\n${said.join("\n")}`);
  assert.ok(said.some((line) => line.startsWith("← call nobody #2: unknown_command: ")));
  assert.ok(!said.join().includes("secret"));
  assert.equal(got.count, 500);
  assert.match(got.console, /^console: hisock \d+\.\d{3} ● ended$/);
});

test("commands that cannot be", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const noop = () => {};
    const codes = {};
    for (const name of ["", "a\nb", "a\x7f", " a", "a ", "a\u200bb", "x".repeat(257), "ü".repeat(129)]) {
      codes[`send ${name}`] = (await failure(() => client.send(name))).code;
      codes[`call ${name}`] = (await failure(() => client.call(name))).code;
      codes[`on ${name}`] = (await failure(() => client.on(name, noop))).code;
    }
    for (const name of ["x", "!~", "a  b", "join us", "joined", "x".repeat(256), "ü".repeat(128)]) client.on(name, noop)();
    for (const name of ["join", "leave", "message", "client_connect", "client_disconnect", "force_disconnect"]) {
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
