import assert from "node:assert/strict";
import { open, openPage, startServer, test } from "./harness.mjs";

test("several clients on one page, each for itself", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const names = ["ada", "bob", "eve"];
    const said = names.map(() => collect());
    const clients = await Promise.all(names.map((name) => hisock.connect("/ws", { name })));
    clients.forEach((client, i) => client.on("said", (line) => said[i].push(`${line.from}: ${line.text}`)));
    clients[0].send("say", "hello");
    await Promise.all(said.map((list) => list.wait(1)));
    await clients[1].close();
    const closed = (await failure(() => clients[1].send("say", "still here?"))).code;
    clients[2].send("say", "bye");
    await Promise.all([said[0].wait(2), said[2].wait(2)]);
    const { clients: alive } = await hisock.internals.stats();
    await Promise.all(clients.map((client) => client.close()));
    return { said: said.map((list) => [...list]), closed, alive };
  });
  assert.deepEqual(got, {
    said: [["ada: hello", "eve: bye"], ["ada: hello"], ["ada: hello", "eve: bye"]],
    closed: "not_connected", alive: 2,
  });
});

test("close releases every callback and leaves nothing at the server", async (t) => {
  const { server, page } = await open(t);
  const got = await page.evaluate(async (ws) => {
    const before = await hisock.internals.stats();
    const keeper = await hisock.connect("/ws");
    const one = (await hisock.internals.stats()).callbacks;
    const clients = await Promise.all(Array.from({ length: 5 }, () => hisock.connect(ws)));
    const six = (await hisock.internals.stats()).callbacks;
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(clients.map((client) => client.close()));
    await failure(() => hisock.connect("ws://127.0.0.1:1/", { retry: { first: false } }));
    await until(async () => (await hisock.internals.stats()).clients === 1);
    const five = (await hisock.internals.stats()).callbacks;
    await until(async () => (await keeper.call("clients")) === 1);
    await keeper.close();
    await until(async () => (await hisock.internals.stats()).clients === 0);
    return { before, one, same: five === one, six: six === 6 * one, after: await hisock.internals.stats() };
  }, server.ws);
  assert.deepEqual(got.before, { clients: 0, callbacks: 0 });
  assert.ok(got.one > 0);
  assert.ok(got.six);
  assert.ok(got.same);
  assert.deepEqual(got.after, { clients: 0, callbacks: 0 });
});

test("no listener stays on a socket that was closed", async (t) => {
  const { page } = await open(t);
  const left = await page.evaluate(async () => {
    const listeners = [];
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    const sockets = new Set();
    window.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.add(this);
      }
    };
    EventTarget.prototype.addEventListener = function (type, fn, options) {
      if (this instanceof WebSocket && !options?.once) listeners.push({ target: this, type, fn });
      return addEventListener.call(this, type, fn, options);
    };
    EventTarget.prototype.removeEventListener = function (type, fn, options) {
      const i = listeners.findIndex((l) => l.target === this && l.type === type && l.fn === fn);
      if (i >= 0) listeners.splice(i, 1);
      return removeEventListener.call(this, type, fn, options);
    };
    const on = () => [...sockets].flatMap((s) => [s.onopen, s.onmessage, s.onclose, s.onerror]).filter(Boolean);
    const client = await hisock.connect("/ws");
    await client.call("sum", [1]);
    const during = listeners.length + on().length > 0;
    await client.close();
    return { during, after: listeners.length + on().length, sockets: sockets.size };
  });
  assert.deepEqual(left, { during: true, after: 0, sockets: 1 });
});

test("nothing global is left behind, nor touched on the way", async (t, engine) => {
  const { page } = await open(t, { importFrom: null });
  const got = await page.evaluate(async (engine) => {
    // A page may use such names itself.
    window.process = { mine: true };
    window.Go = "mine";
    const names = () => Object.getOwnPropertyNames(globalThis).sort();
    const before = names();
    const seen = new Set();
    const watch = setInterval(() => names().forEach((n) => before.includes(n) || seen.add(n)), 0);
    const { connect, internals } = await import("/hisock/hisock.js");
    names().forEach((n) => before.includes(n) || seen.add(n));
    const client = await connect("/ws", { engine });
    names().forEach((n) => before.includes(n) || seen.add(n));
    await client.call("sum", [1]);
    await client.close();
    clearInterval(watch);
    const after = names();
    return { added: after.filter((n) => !before.includes(n)), gone: before.filter((n) => !after.includes(n)),
      seen: [...seen], mine: [window.process.mine, window.Go], fs: typeof window.fs, stats: await internals.stats() };
  }, engine);
  assert.deepEqual(got, {
    added: [], gone: [], seen: [], mine: [true, "mine"], fs: "undefined", stats: { clients: 0, callbacks: 0 },
  });
});

test("a server that stops says so, one that dies is missed", async (t) => {
  const { server, page } = await open(t);
  await page.evaluate(async () => {
    window.states = collect();
    window.client = await hisock.connect("/ws", { retry: { off: true }, onState: (state, why) => states.push([state, why?.code, why?.remote]) });
    window.waiting = client.call("wait", "").catch((err) => [err.code, err.remote]);
    await client.call("sum", []);
  });
  await server.stop();
  const got = await page.evaluate(async () => {
    const why = await client.closed;
    const late = await failure(() => client.call("sum", [1]));
    return { code: why.code, remote: why.remote, waiting: await waiting, states: await states.wait(2), late: late.code, state: client.state };
  });
  assert.deepEqual(got, {
    code: "shutdown", remote: true, waiting: ["shutdown", true],
    states: [["connected", undefined, undefined], ["disconnected", "shutdown", true]],
    late: "not_connected", state: "disconnected",
  });

  const second = await startServer(t);
  const other = await openPage(t, second.own);
  await other.evaluate(async () => void (window.client = await hisock.connect("/ws", { retry: { off: true } })));
  await second.kill();
  const lost = await other.evaluate(async () => {
    const why = await client.closed;
    return [why.code, why.remote];
  });
  assert.deepEqual(lost, ["conn_lost", false]);
});

test("a server that throws a client out says why", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    client.send("kick me");
    const why = await client.closed;
    return [why.code, why.message, why.remote, client.state];
  });
  assert.deepEqual(got, [1001, "out you go", true, "disconnected"]);
});

test("a tab that is closed leaves", async (t) => {
  const { server, page } = await open(t);
  const other = await openPage(t, server.own);
  await other.evaluate(async () => void (await hisock.connect("/ws", { name: "brief" })));
  await page.evaluate(async () => {
    window.gone = collect();
    window.client = await hisock.connect("/ws", { onClientDisconnect: (who) => gone.push(who.name) });
  });
  await other.close();
  assert.deepEqual(await page.evaluate(() => gone.wait(1)), ["brief"]);
});

test.wasm("when the Go program ends, its clients are told and the next gets a new one", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const options = { retry: { off: true } }; // a server keeps no session for a client that will not come back
    const clients = [await hisock.connect("/ws", options), await hisock.connect("/ws", options)];
    const waiting = clients[0].call("wait", "").catch((err) => err.code);
    const receiving = clients[1].recvRaw().catch((err) => err.code);
    await hisock.internals.crash();
    const whys = (await Promise.all(clients.map((client) => client.closed))).map((why) => why.code);
    const late = (await failure(() => clients[0].send("say", "hello?"))).code;
    await Promise.all(clients.map((client) => client.close()));
    const fresh = await hisock.connect("/ws");
    await until(async () => (await fresh.call("clients")) === 1);
    const sum = await fresh.call("sum", [1, 2]);
    await fresh.close();
    return { whys, waiting: await waiting, receiving: await receiving, late, sum };
  });
  assert.deepEqual(got, {
    whys: ["crashed", "crashed"], waiting: "crashed", receiving: "crashed", late: "not_connected", sum: 3,
  });
  assert.ok(page.output.some((line) => line.includes("crash asked for")), "Go's last words are on the console");
});

test("a page whose policy allows no script but the server's", async (t, engine) => {
  const server = await startServer(t);
  const page = await openPage(t, server.own, { path: `/strict?${engine}`, importFrom: null });
  await page.waitForFunction(() => document.title !== "test");
  assert.equal(await page.title(), "hello strict");
  assert.deepEqual(page.errors, []);
});

test.wasm("a server that has never heard of wasm will do", async (t) => {
  const { page } = await open(t, { importFrom: "/untyped/hisock.js" });
  assert.equal(await page.evaluate(async () => (await hisock.connect("/ws")).call("sum", [2, 3])), 5);
});

test.wasm("a bundle that cannot be loaded", async (t) => {
  const { page } = await open(t, { importFrom: "/broken/hisock.js" });
  const got = await page.evaluate(async () => {
    const first = await failure(() => hisock.connect("/ws"));
    const second = await failure(() => hisock.connect("/ws"));
    return { first, same: second.message === first.message };
  });
  assert.equal(got.first.code, "load_failed");
  assert.match(got.first.message, /hisock\.wasm: 410/);
  assert.ok(got.same);
});

test.wasm("files of two builds say so", async (t) => {
  const { page } = await open(t);
  const swap = (file, edit) => page.route(`**/hisock/${file}`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: edit(await response.body()) });
  });
  const attempt = () => page.evaluate(() => failure(() => hisock.connect("/ws")));
  await swap("hisock.wasm", (body) => (body[body.length - 1] ^= 1, body)); // the end of the id
  const wasm = await attempt();
  assert.equal(wasm.code, "load_failed");
  assert.match(wasm.message, /^hisock\.wasm is of build [0-9a-f]{15}.{1}, but instance\.js of build [0-9a-f]{16}: serve all files of one build$/);
  await page.unroute("**/hisock/hisock.wasm");
  assert.equal(await page.evaluate(async () => (await hisock.connect("/ws")).call("sum", [2, 3])), 5);

  const { page: other } = await open(t);
  await other.route("**/hisock/wasm_exec.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/^export const build = .*$/m, "") });
  });
  const exec = await other.evaluate(() => failure(() => hisock.connect("/ws")));
  assert.match(exec.message, /^wasm_exec\.js is of build unknown/);
});

test("connections come and go without anything piling up", async (t) => {
  const { page } = await open(t);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const counts = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((m) => m.name === name).value;
    return { listeners: of("JSEventListeners"), heap: of("JSHeapUsedSize") };
  };
  const rounds = (n) => page.evaluate(async (n) => {
    for (let i = 0; i < n; i++) {
      const client = await hisock.connect("/ws", { name: `visitor ${i}` });
      if (i % 50 === 0 && (await client.call("sum", [i, 1])) !== i + 1) throw new Error(`wrong answer ${i}`);
      await client.close();
    }
    return hisock.internals.stats();
  }, n);
  await rounds(100);
  const before = await counts();
  assert.deepEqual(await rounds(process.env.HISOCK_SOAK ? 1000 : 150), { clients: 0, callbacks: 0 });
  const after = await counts();
  assert.ok(after.listeners <= before.listeners, `${before.listeners} and then ${after.listeners} listeners`);
  assert.ok(after.heap < before.heap + (1 << 20), `${before.heap} B and then ${after.heap} B`);
});

test("two copies of the module on one page know nothing of each other", async (t, engine) => {
  const { page } = await open(t);
  const got = await page.evaluate(async (engine) => {
    const copy = await import("/untyped/hisock.js");
    const [one, two] = [await hisock.connect("/ws", { name: "one" }), await copy.connect("/ws", { name: "two", engine })];
    const said = collect();
    two.on("said", (line) => said.push(line.from));
    one.send("say", "hello");
    two.send("say", "hello");
    await said.wait(2);
    await one.close();
    const late = await failure(() => one.send("say", "late"));
    return { said: [...said].sort(), late: [late.code, late.typed], sum: await two.call("sum", [1, 2]) };
  }, engine);
  assert.deepEqual(got, { said: ["one", "two"], late: ["not_connected", true], sum: 3 });
});

test("a client that is closed in a handler is closed, and its handlers may fail", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const all = [];
    for (const hook of ["state", "command", "call"]) {
      const errors = [];
      const close = () => {
        void client.close();
        throw new Error(hook);
      };
      const client = await hisock.connect("/ws", { onError: (err) => errors.push(err.message) });
      if (hook === "state") client.onState(close);
      client.on("reflected", close);
      client.handle("who", close);
      if (hook === "state") dispatchEvent(new Event("offline"));
      else if (hook === "command") client.send("reflect", 1);
      else client.call("ask", ["who", ""]).catch(() => {});
      const why = await client.closed;
      await client.close();
      all.push([why, errors.includes(hook), client.state]);
    }
    return { all, stats: await hisock.internals.stats() };
  });
  assert.deepEqual(got, { all: Array(3).fill([null, true, "disconnected"]), stats: { clients: 0, callbacks: 0 } });
});
