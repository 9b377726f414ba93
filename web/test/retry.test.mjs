// Clients of pages whose connections break off.

import assert from "node:assert/strict";
import { addressOf, openPage, startProxy, startServer, test } from "./harness.mjs";

/** A page with a client that reaches the server through a proxy. */
async function openCut(t, options = {}) {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url); // also through the proxy, because the server checks the page's origin
  await page.evaluate(async (options) => {
    window.states = collect();
    window.client = await hisock.connect("/ws", { ...options, onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state) });
  }, options);
  return { server, page, proxy };
}

test("a connection that is cut goes on: nothing is lost, nothing comes twice", async (t) => {
  const { page, proxy } = await openCut(t, { retry: { min: 20, max: 100 } });
  await page.evaluate(() => {
    window.got = [];
    client.on("reflected", (n) => got.push(n), { as: "number" });
    window.answered = client.call("wait", "").catch((err) => err.code);
    window.sending = (async () => {
      for (let i = 0; i < 400; i++) {
        client.send("reflect", i);
        await new Promise((r) => setTimeout(r, 5));
      }
    })();
  });
  for (let i = 0; i < 5; i++) {
    await new Promise((r) => setTimeout(r, 300));
    proxy.cut();
  }
  const got = await page.evaluate(async () => {
    await sending;
    await until(() => got.length >= 400);
    const sum = await client.call("sum", [1, 2]);
    const before = client.state;
    await client.close();
    return { got, sum, before, answered: await answered, states: [...states] };
  });
  assert.deepEqual(got.got, Array.from({ length: 400 }, (_, i) => i));
  assert.equal(got.sum, 3);
  assert.equal(got.before, "connected");
  assert.equal(got.answered, "closed", "the call was under way all the time");
  assert.ok(got.states.filter((s) => s === "resumed").length >= 3, got.states.join());
  assert.ok(!got.states.slice(0, -1).some((s) => s.startsWith("disconnected")), got.states.join());
  assert.ok(proxy.made >= 4);
});

test("a page hears once of what the server has dropped", async (t) => {
  const { server, page, proxy } = await openCut(t, { name: "ticked", retry: { min: 20, max: 50 } });
  const watcher = await openPage(t, server.own);
  await watcher.evaluate(async () => (window.client = await hisock.connect("/ws")));
  await page.evaluate(() => {
    window.ticks = [];
    window.missed = [];
    client.on("tick", (n) => ticks.push(n), { as: "number" });
    window.stop = client.onMissed((n) => missed.push(n));
    window.told = () => ticks.length + missed.reduce((sum, n) => sum + n, 0);
  });
  // The server sends 100 ticks while the page is away, and keeps the last one.
  let times = 0;
  const cut = async () => {
    await page.evaluate(() => client.call("tick when away", 100));
    proxy.open = false;
    proxy.cut();
    await watcher.evaluate((n) => until(async () =>
      (await client.call("events", "ticked")).filter((e) => e === "suspend").length === n), ++times);
    proxy.open = true;
    await page.evaluate(() => until(() => ticks.at(-1) === 99));
    await page.evaluate(() => client.call("sum", [1])); // everything before the answer has come
    return page.evaluate(() => ({ told: told(), missed: missed.splice(0).length > 0, last: ticks.splice(0).at(-1) }));
  };
  const rounds = [await cut(), await cut()]; // the total is told again
  assert.deepEqual(rounds, Array(2).fill({ told: 100, missed: true, last: 99 }));
  await page.evaluate(() => stop());
  assert.equal((await cut()).missed, false);
});

test("a client that is closed while it is away is closed", async (t) => {
  const { page, proxy } = await openCut(t, { retry: { min: 3_600_000, max: 3_600_000 } });
  proxy.open = false;
  proxy.cut();
  const got = await page.evaluate(async () => {
    await until(() => client.state === "reconnecting");
    const call = client.call("sum", [1]).catch((err) => err.code);
    client.send("say", "into the void");
    await client.close();
    return { why: await client.closed, call: await call, state: client.state, stats: await hisock.internals.stats() };
  });
  assert.deepEqual(got, { why: null, call: "closed", state: "disconnected", stats: { clients: 0, callbacks: 0 } });
});

test("a client that finds another server joins anew", async (t) => {
  const { server, page, proxy } = await openCut(t, { name: "ada", retry: { min: 20, max: 50 } });
  const second = await startServer(t);
  await page.evaluate(() => void (window.answered = client.call("wait", "").catch((err) => err.code)));
  proxy.to = addressOf(second);
  await server.kill(); // the session ends with it
  const got = await page.evaluate(async () => {
    await until(() => states.length >= 4);
    const sum = await client.call("sum", [1]);
    const clients = await client.call("clients");
    return { sum, clients, states: [...states], answered: await answered };
  });
  assert.deepEqual(got, {
    sum: 1, clients: 1, answered: "conn_lost",
    states: ["connected", "reconnecting: conn_lost", "disconnected: conn_lost", "connected"],
  });
});

test("a call that comes with the new connection is none of the old one's", async (t) => {
  const { server, page, proxy } = await openCut(t, { groups: ["early call"], retry: { min: 20, max: 50 } });
  const second = await startServer(t);
  await page.evaluate(() => {
    window.answered = collect(); // the first server may have called before there was a handler
    client.on("answered", (who) => answered.push(who), { as: "text" });
    client.handle("who", async (_, { signal }) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return `ada, ${signal.aborted ? "not asked" : "asked"}: `;
    });
  });
  proxy.to = addressOf(second);
  await server.kill();
  const got = await page.evaluate(async () => {
    await until(() => states.length >= 4);
    await Promise.race([until(() => answered.at(-1)?.startsWith("ada")), new Promise((resolve) => setTimeout(resolve, 5000))]);
    return answered.at(-1);
  });
  assert.equal(got, "ada, asked: none");
});

test("a call that was under way when the connection ended is given up", async (t) => {
  const { server, page, proxy } = await openCut(t, { retry: { min: 20, max: 50 } });
  const second = await startServer(t);
  await page.evaluate(() => {
    window.asked = collect();
    client.handle("who", (_, { signal }) => new Promise((_, reject) => {
      asked.push(signal);
      signal.addEventListener("abort", () => reject(signal.reason));
    }));
    client.call("ask", ["who", ""]).catch(() => {});
  });
  await page.evaluate(() => asked.wait(1));
  proxy.to = addressOf(second);
  await server.kill();
  const why = await page.evaluate(async () => {
    await until(() => asked[0].aborted);
    return asked[0].reason.code;
  });
  assert.equal(why, "conn_lost");
});

test("a client that is to stay away ends with its connection", async (t) => {
  const { page, proxy } = await openCut(t, { retry: { off: true } });
  proxy.cut();
  assert.equal(await page.evaluate(async () => (await client.closed).code), "conn_lost");
  assert.deepEqual(await page.evaluate(() => [...states]), ["connected", "disconnected: conn_lost"]);
});

test("connecting is tried again, and each failure told", async (t) => {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await page.evaluate(async () => (await hisock.connect("/ws")).close()); // then the bundle is loaded
  proxy.open = false;
  proxy.cut();
  await page.evaluate(() => {
    window.states = collect();
    window.connecting = hisock.connect("/ws", {
      retry: { min: 20, max: 50 }, onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state),
    });
  });
  assert.deepEqual((await page.evaluate(() => states.wait(3))).slice(0, 3), Array(3).fill("connecting: not_connected"));
  proxy.open = true;
  const got = await page.evaluate(async () => {
    const client = await connecting;
    const { state, resumed } = client;
    const sum = await client.call("sum", [1, 2]);
    return { state, resumed, last: states.at(-1), sum };
  });
  assert.deepEqual(got, { state: "connected", resumed: false, last: "connected", sum: 3 });
});

test("connecting is given up when the page says so", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.own);
  const got = await page.evaluate(async () => {
    const nobody = "ws://127.0.0.1:1/ws";
    const retry = { min: 20, max: 50 };
    const codes = [];
    const states = collect();
    const onState = (state, why) => states.push(`${state}: ${why.code}`);
    codes.push((await failure(() => hisock.connect(nobody, { retry: { first: false }, onState }))).code);
    codes.push(states.splice(0).join());
    codes.push((await failure(() => hisock.connect(nobody, { retry: { off: true } }))).code);
    codes.push((await failure(() => hisock.connect(nobody, { retry: { ...retry, for: 200 } }))).code);
    codes.push((await failure(() => hisock.connect(nobody, { retry, timeout: 200 }))).code);
    const abort = new AbortController();
    const connecting = failure(() => hisock.connect(nobody, { retry, onState, signal: abort.signal }));
    await states.wait(2);
    abort.abort(new Error("changed my mind"));
    codes.push((await connecting).message);
    await until(async () => (await hisock.internals.stats()).clients === 0);
    codes.push((await failure(() => hisock.connect("/ws", { name: "x".repeat(200), retry }))).code);
    return codes;
  });
  assert.deepEqual(got, [
    "not_connected", "disconnected: not_connected", "not_connected", "not_connected", "deadline_exceeded", "changed my mind", "bad_name",
  ]);
});

test.wasm("a bundle that cannot be loaded now is loaded later", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.own);
  let asked = 0;
  await page.route("**/hisock.wasm", (route) => {
    asked++;
    if (asked === 1) return route.fulfill({ status: 503 });
    return asked === 2 ? route.abort() : route.continue();
  });
  const got = await page.evaluate(async () => {
    const states = [];
    const once = await failure(() => hisock.connect("/ws", { retry: { first: false } }));
    const client = await hisock.connect("/ws", {
      retry: { min: 20, max: 50 }, onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state),
    });
    return { once: once.code, sum: await client.call("sum", [1, 2]), states };
  });
  assert.deepEqual(got, { once: "load_failed", sum: 3, states: ["connecting: load_failed", "connected"] });
});

test("what was not delivered when the session is over is handed back", async (t) => {
  const { server, page, proxy } = await openCut(t, { name: "ada", retry: { min: 20, max: 50 } });
  const second = await startServer(t);
  await page.evaluate(() => {
    window.left = collect();
    client.onUndelivered((messages) => {
      for (const { kind, command, bytes, written } of messages) left.push([kind, command, new TextDecoder().decode(bytes), written]);
    });
    window.said = collect();
    client.on("said", (line) => said.push(line.text));
  });
  proxy.open = false;
  proxy.cut();
  await page.evaluate(async () => {
    await until(() => client.state === "reconnecting");
    client.send("say", "one");
    client.sendRaw("two");
    client.call("sum", [1]).catch(() => {});
  });
  await server.kill();
  proxy.to = addressOf(second);
  proxy.open = true;
  const got = await page.evaluate(async () => {
    await until(() => states.at(-1) === "connected" && left.length === 2);
    for (const [, command, text] of left) if (command) client.send(command, text);
    return { left: [...left], said: await said.wait(1) };
  });
  assert.deepEqual(got, {
    left: [["command", "say", "one", false], ["raw", "", "two", false]], said: ["one"],
  });
});

test("a client that joins anew asks for the name and the groups that it had", async (t) => {
  const { server, page, proxy } = await openCut(t, { name: "ada", groups: ["red", "staff"], retry: { min: 20, max: 50 } });
  const second = await startServer(t);
  await page.evaluate(async () => {
    window.replays = collect();
    client.onReplay(({ group, lost }) => replays.push([group, lost]));
    await client.join("blue");
    await client.leave("red");
    await client.rename("bob");
    client.send("put me into", "attic");
    client.send("say to", ["blue", "hello"]);
    await until(() => client.groups.includes("attic"));
    replays.splice(0);
  });
  proxy.to = addressOf(second);
  await server.kill();
  const got = await page.evaluate(async () => {
    await until(() => states.at(-1) === "connected" && states.length > 1);
    const groups = await client.call("groups", "");
    return { name: client.name, groups, here: client.groups, refused: client.refusedGroups.map((r) => [r.group, r.why.code]), replays: [...replays].sort() };
  });
  // The positions of the client do not hold for the histories of the new server.
  const groups = ["attic", "blue"];
  assert.deepEqual(got, { name: "bob", groups, here: groups, refused: [["staff", 1001]], replays: [["attic", true], ["blue", true]] });
});
