// What becomes of a page's client when its connection breaks off.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { openPage, startServer } from "./harness.mjs";

/** A way to the server that can be cut, and that is closed as long as open is false. */
async function startProxy(t, to) {
  const proxy = { to, open: true, made: 0, url: "", cut: () => {} };
  const sockets = new Set();
  const server = createServer((near) => {
    if (!proxy.open) {
      near.destroy();
      return;
    }
    proxy.made++;
    const far = connect(proxy.to);
    for (const [a, b] of [[near, far], [far, near]]) {
      sockets.add(a);
      a.on("error", () => {});
      a.on("close", () => (sockets.delete(a), b.destroy()));
      a.pipe(b);
    }
  });
  proxy.cut = () => sockets.forEach((s) => s.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (proxy.cut(), server.close()));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  return proxy;
}

/** @param {{ ws: string }} server */
function addressOf(server) {
  const { hostname: host, port } = new URL(server.ws);
  return { host, port: Number(port) };
}

/** A page with a client that reaches the server through a proxy. */
async function openCut(t, options = {}) {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url); // through the proxy too: the server asks for its origin
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
  const { page, proxy } = await openCut(t, { retry: { min: 20, max: 50 } });
  await page.evaluate(() => {
    window.ticks = [];
    window.missed = [];
    client.on("tick", (n) => ticks.push(n), { as: "number" });
    window.stop = client.onMissed((n) => missed.push(n));
    window.told = () => ticks.length + missed.reduce((sum, n) => sum + n, 0);
    client.send("ticks", 100);
  });
  const rounds = [];
  const round = async (want) => {
    rounds.push(await page.evaluate(async (want) => {
      await Promise.race([until(() => ticks.at(-1) === 99 && told() >= want), new Promise((r) => setTimeout(r, 10_000))]);
      await client.call("sum", [1]); // what was to come before it has
      return { told: told(), missed: missed.splice(0).length > 0, last: ticks.splice(0).at(-1) };
    }, want));
  };
  await round(100);
  proxy.cut(); // the server says it again, all in all
  await page.evaluate(() => until(() => states.at(-1) === "resumed"));
  await page.evaluate(() => client.send("ticks", 100));
  await round(100);
  assert.deepEqual(rounds, Array(2).fill({ told: 100, missed: true, last: 99 }));
  await page.evaluate(async () => {
    stop();
    client.send("ticks", 100);
    await until(() => ticks.at(-1) === 99);
    await client.call("sum", [1]);
  });
  assert.deepEqual(await page.evaluate(() => [...missed]), []);
});

test("a browser that is online again makes its client try at once", async (t) => {
  const { page, proxy } = await openCut(t, { retry: { min: 3_600_000, max: 3_600_000 } });
  for (const event of ["online", "pageshow"]) {
    await page.evaluate(() => states.splice(0));
    proxy.cut();
    await page.evaluate(() => until(() => client.state === "reconnecting"));
    await page.evaluate((event) => dispatchEvent(new Event(event)), event);
    await page.evaluate(() => until(() => client.state === "connected"));
    assert.deepEqual(await page.evaluate(() => [...states]), ["reconnecting: conn_lost", "resumed"]);
  }
  assert.equal(await page.evaluate(() => client.call("sum", [2, 3])), 5);
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
  await server.kill(); // and with it the session
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
    window.answered = collect(); // the first server's call may have come before there was a handler
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
