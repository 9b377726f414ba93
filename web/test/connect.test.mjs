import assert from "node:assert/strict";
import { addressOf, open, openPage, startProxy, startServer, test } from "./harness.mjs";

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

test("states are events too, and none comes before the page has its client", async (t) => {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await page.evaluate(async () => {
    window.seen = collect();
    window.errors = collect();
    window.client = await hisock.connect("/ws", {
      retry: { min: 5, max: 20 }, as: "number",
      on: { reflected: (n) => seen.push(n) },
      onState: (state) => state === "connected" && client.send("reflect", 1),
      onError: (err) => errors.push(String(err)),
    });
    for (const type of ["state", "connected", "resumed", "offline", "closed"]) {
      client.addEventListener(type, ({ detail: { state, why } }) => seen.push(`${type} ${state} ${why?.code}`));
    }
    await until(() => seen.includes(1));
  });
  proxy.cut();
  const got = await page.evaluate(async () => {
    await until(() => seen.includes("resumed resumed undefined"));
    await client.close();
    return { seen: [...seen], errors: errors.filter((text) => !text.includes("early")), isTarget: client instanceof EventTarget };
  });
  assert.deepEqual(got.seen, [
    "state connected undefined", "connected connected undefined", 1,
    "state reconnecting conn_lost", "offline reconnecting conn_lost", "state resumed undefined", "resumed resumed undefined",
    "state disconnected undefined", "closed disconnected undefined",
  ]);
  assert.deepEqual([got.errors, got.isTarget], [[], true]);
});

test("a handshake that is refused says what the address answers", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.own);
  const got = await page.evaluate(async ({ foreign }) => {
    const once = { retry: { first: false } };
    const why = async (url) => {
      const err = await hisock.connect(url, once).catch((err) => err);
      return [err.code, err.status, err.message.split(": ").at(-1), err.cause?.code];
    };
    const told = collect();
    const enough = new AbortController();
    const trying = failure(() => hisock.connect("/nowhere", {
      retry: { min: 1, max: 5 }, signal: enough.signal, onState: (state, err) => told.push([state, err.status]),
    }));
    const states = await told.wait(3);
    enough.abort(new Error("enough"));
    return {
      missing: await why("/nowhere"), foreign: await why(`${foreign}/nowhere`), nobody: await why("ws://127.0.0.1:9/ws"),
      states: states.slice(0, 3), given: (await trying).message,
    };
  }, { foreign: server.foreign });
  assert.deepEqual(got, {
    missing: ["not_connected", 404, "a plain request is answered with 404 Not Found", "not_connected"],
    foreign: ["not_connected", 0, "the server is there, and does not let this page see its answer", "not_connected"],
    nobody: ["not_connected", 0, "nothing answers there, or the page may not ask", "not_connected"],
    states: [["connecting", 404], ["connecting", 0], ["connecting", 0]], given: "enough",
  });
});

test("a relative URL is resolved as the page's own links are", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const greet = async (connect) => {
      const client = await connect("ws");
      const text = await client.call("greet", "you", { as: "text" });
      await client.close();
      return text;
    };
    document.head.append(Object.assign(document.createElement("base"), { href: "/" }));
    history.replaceState(null, "", "/far/away/");
    const based = await greet(hisock.connect);
    const frame = document.createElement("iframe");
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    frame.srcdoc = "<title>frame</title>";
    document.body.append(frame);
    await loaded;
    const module = await frame.contentWindow.eval(`import(${JSON.stringify(new URL("/hisock/hisock.js", location).href)})`);
    return [based, frame.contentWindow.location.href, await greet((url) => module.connect(url, { engine: "js" }))];
  });
  assert.deepEqual(got, ["hello you", "about:srcdoc", "hello you"]);
});
