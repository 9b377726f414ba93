// Pages that nobody sees: their timers are late or do not fire, or they are frozen.

import assert from "node:assert/strict";
import { addressOf, openPage, startProxy, startServer, test } from "./harness.mjs";

/** A page with a client that reaches the server through a proxy. */
async function openCut(t, options = {}) {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await page.evaluate(async (options) => {
    window.states = collect();
    window.client = await hisock.connect("/ws", { ...options, onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state) });
    await client.call("sum", [1]); // then the server knows that the client has its session
    states.splice(0);
    window.isBack = new Promise((resolve) => client.onState((state) => state === "resumed" && resolve()));
  }, options);
  return { server, page, proxy };
}

test("a hidden page whose timers do not fire goes on with its session", async (t) => {
  const { page, proxy } = await openCut(t);
  await page.evaluate(() => Object.defineProperty(document, "hidden", { get: () => true }));
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 1000);
  proxy.cut();
  await page.evaluate(() => isBack);
  assert.deepEqual(await page.evaluate(() => [...states]), ["reconnecting: conn_lost", "resumed"]);
  assert.equal(await page.evaluate(() => client.call("sum", [1, 2])), 3);
});

test("a frozen page goes on where it was, and comes back if its link is gone", async (t) => {
  const { server, page, proxy } = await openCut(t, { name: "ada", retry: { min: 20, max: 100 } });
  const watcher = await openPage(t, server.own);
  await watcher.evaluate(async () => (window.client = await hisock.connect("/ws")));
  const cdp = await page.context().newCDPSession(page);
  const freeze = (state) => cdp.send("Page.setWebLifecycleState", { state });
  await freeze("frozen");
  await freeze("active");
  assert.equal(await page.evaluate(() => client.call("sum", [1, 2])), 3);
  assert.deepEqual(await page.evaluate(() => [...states]), []);
  await freeze("frozen");
  proxy.cut();
  await watcher.evaluate(() => until(async () => (await client.call("events", "ada")).includes("suspend")));
  await freeze("active");
  await page.evaluate(() => isBack);
  assert.deepEqual(await page.evaluate(() => [...states]), ["reconnecting: conn_lost", "resumed"]);
});
