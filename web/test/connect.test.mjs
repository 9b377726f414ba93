import assert from "node:assert/strict";
import { open, openPage, startServer, test } from "./harness.mjs";

test("connect, and be called by the name that was asked for", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { name: "ada", groups: ["b", "a"] });
    const seen = { name: client.name, groups: client.groups, state: client.state };
    seen.remote = await client.call("groups");
    await client.close();
    return { ...seen, after: client.state, groupsAfter: client.groups, closed: await client.closed };
  });
  assert.deepEqual(got, {
    name: "ada", groups: ["a", "b"], state: "connected", remote: ["a", "b"],
    after: "disconnected", groupsAfter: ["a", "b"], closed: null,
  });
  assert.deepEqual(page.errors, []);
});

test("URLs: relative, ws, http, and a URL object", async (t) => {
  const { server, page } = await open(t);
  const texts = await page.evaluate(async ({ ws, own }) => {
    const list = [];
    for (const url of ["ws", "/ws", "./ws?x=1#y", ws, `${own}/ws`, new URL("/ws", own)]) {
      const client = await hisock.connect(url);
      list.push(await client.call("greet", "x", { as: "text" }));
      await client.close();
    }
    return list;
  }, { ws: server.ws, own: server.own });
  assert.deepEqual(texts, Array(6).fill("hello x"));
});

test("a name that is taken is refused, with the server's code", async (t) => {
  const { page } = await open(t);
  const err = await page.evaluate(async () => {
    const first = await hisock.connect("/ws", { name: "ada" });
    const err = await failure(() => hisock.connect("/ws", { name: "ada" }));
    await first.close();
    return err;
  });
  assert.equal(err.code, "name_taken");
  assert.equal(err.remote, true);
  assert.equal(err.typed, true);
  assert.equal(err.name, "HisockError");
});

test("names that are not well formed are refused", async (t) => {
  const { page } = await open(t);
  const codes = await page.evaluate(async () => {
    const list = [];
    for (const options of [{ name: "a\u0000b" }, { name: "x".repeat(200) }, { groups: [""] }, { groups: ["a\nb"] }]) {
      list.push((await failure(() => hisock.connect("/ws", options))).code);
    }
    return list;
  });
  assert.deepEqual(codes, Array(4).fill("bad_name"));
});

test("nobody listens", async (t) => {
  const { page } = await open(t);
  const err = await page.evaluate(() => failure(() => hisock.connect("ws://127.0.0.1:1/ws", { retry: { first: false } })));
  assert.equal(err.typed, true);
  assert.equal(err.code, "not_connected");
  assert.equal(err.remote, false);
});

test("a page from elsewhere is refused, learns why and does not come back", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.foreign);
  const err = await page.evaluate((ws) => failure(() => hisock.connect(ws)), server.ws);
  assert.equal(err.typed, true);
  assert.equal(err.code, "unauthorized");
  assert.equal(err.remote, true);
  assert.match(err.message, /origin "http:\/\/.*" is not of this host/);
  const own = await openPage(t, server.own);
  assert.equal(await own.evaluate(async () => (await hisock.connect("/ws")).call("clients")), 1);
});

test("connecting can be given up, at every moment", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const reason = new Error("changed my mind");
    const before = await failure(() => hisock.connect("/ws", { signal: AbortSignal.abort(reason) }));
    const abort = new AbortController();
    const connecting = failure(() => hisock.connect("/ws", { signal: abort.signal }));
    abort.abort(reason);
    const during = await connecting;
    // If the Go program runs already, connect gets as far as dialling.
    const keeper = await hisock.connect("/ws");
    const again = new AbortController();
    const dialling = failure(() => hisock.connect("/ws", { signal: again.signal }));
    await Promise.resolve().then(() => {}).then(() => {});
    again.abort(reason);
    const third = await dialling;
    const signal = new AbortController();
    const kept = await hisock.connect("/ws", { signal: signal.signal });
    signal.abort(reason);
    const alive = await kept.call("greet", "still here", { as: "text" });
    await kept.close();
    await until(async () => (await hisock.internals.stats()).clients === 1);
    await until(async () => (await keeper.call("clients")) === 1);
    await keeper.close();
    return { before: before.message, during: during.message, third: third.message, alive };
  });
  assert.deepEqual(got, {
    before: "changed my mind", during: "changed my mind", third: "changed my mind", alive: "hello still here",
  });
});

test("connecting takes no longer than its timeout", async (t) => {
  const { page } = await open(t);
  const err = await page.evaluate(async () => {
    // To a page, a server that accepts and never answers looks like a WebSocket that never opens.
    const real = window.WebSocket;
    window.WebSocket = class extends EventTarget {
      readyState = 0;
      bufferedAmount = 0;
      send() {}
      close() {
        this.readyState = 3;
        this.dispatchEvent(new CloseEvent("close", { code: 1006 }));
      }
    };
    try {
      return await failure(() => hisock.connect("/ws", { timeout: 20 }));
    } finally {
      window.WebSocket = real;
    }
  });
  assert.equal(err.code, "deadline_exceeded");
  assert.match(err.message, /20 ms/);
});

test("arguments that are not what they must be", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const calls = {
      "no url": () => hisock.connect(),
      "a number as url": () => hisock.connect(8080),
      "no url at all": () => hisock.connect("http://"),
      "a scheme of something else": () => hisock.connect("ftp://example.org/"),
      "options that are a string": () => hisock.connect("/ws", "ada"),
      "options that are null": () => hisock.connect("/ws", null),
      "a misspelt option": () => hisock.connect("/ws", { nmae: "ada" }),
      "a name that is a number": () => hisock.connect("/ws", { name: 1 }),
      "groups that are a string": () => hisock.connect("/ws", { groups: "chat" }),
      "a group that is a number": () => hisock.connect("/ws", { groups: [1] }),
      "auth that is an object": () => hisock.connect("/ws", { auth: {} }),
      "metadata that is a number": () => hisock.connect("/ws", { metadata: { a: 1 } }),
      "an unknown form": () => hisock.connect("/ws", { as: "xml" }),
      "a timeout of nothing": () => hisock.connect("/ws", { timeout: 0 }),
      "a signal that is none": () => hisock.connect("/ws", { signal: {} }),
      "a size below one": () => hisock.connect("/ws", { queueBytes: 0.5 }),
      "a frame that is too small": () => hisock.connect("/ws", { maxFrame: 511 }),
      "a frame that is too large": () => hisock.connect("/ws", { maxFrame: 2 ** 30 + 1 }),
      "an engine of another kind": () => hisock.connect("/ws", { engine: "go" }),
      "a retry whose bounds cross": () => hisock.connect("/ws", { retry: { min: 2, max: 1 } }),
      "a hook that is none": () => hisock.connect("/ws", { onState: "yes" }),
      "a handler that is none": () => hisock.connect("/ws", { on: { said: 1 } }),
      "an entry without handler": () => hisock.connect("/ws", { on: { said: { as: "text" } } }),
      "notices contradicted": () => hisock.connect("/ws", { notices: false, onClientConnect() {} }),
    };
    const names = {};
    for (const [what, call] of Object.entries(calls)) {
      const err = await failure(call);
      names[what] = err.name === "TypeError" && err.message.startsWith("hisock: ");
    }
    return names;
  });
  assert.ok(Object.keys(got).length > 15);
  for (const [what, ok] of Object.entries(got)) assert.ok(ok, what);
});

test("what arrives at once waits for handlers", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const inOptions = collect();
    const states = collect();
    const join = async () => {
      // The page registers its handlers a few microtasks after connect has resolved.
      const client = await hisock.connect("/ws", {
        groups: ["early raw"],
        on: { early: (n) => inOptions.push(n) },
        onState: (state, why) => states.push([state, why]),
      });
      await null;
      return client;
    };
    const client = await join();
    const late = collect();
    client.on("early", { call: (n) => late.push(n) }.call, { as: "number" });
    const raw = [await client.recvRaw(), await client.recvRaw()].map((b) => new TextDecoder().decode(b));
    const all = [await inOptions.wait(3), await late.wait(3), raw];
    await client.close();
    return [...all, [...states]];
  });
  assert.deepEqual(got, [[0, 1, 2], [0, 1, 2], ["first", "second"], [["connected", null], ["disconnected", null]]]);
});
