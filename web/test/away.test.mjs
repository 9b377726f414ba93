// The client of a page that goes into the back/forward cache, and of one that comes back from there.

import assert from "node:assert/strict";
import { cachingBrowser, open, openPage, prepare, startServer, test } from "./harness.mjs";

/** Connects, and notes the states. */
const connect = (page, options = {}) => page.evaluate(async (options) => {
  window.states = collect();
  window.client = await hisock.connect("/ws", {
    name: "ada", retry: { min: 20, max: 100 }, ...options, onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state),
  });
  await client.call("sum", [1]); // then the server knows that the client has its session
  return states.splice(0).at(-1);
}, options);

/** Lets a page hear that it is left, or shown again. */
const hear = (page, event) => page.evaluate((event) => void dispatchEvent(new PageTransitionEvent(event, { persisted: true })), event);

const states = (page, n) => page.evaluate((n) => states.wait(n), n);

test("the name of a page that is left is free, and the page joins anew when it is shown again", async (t) => {
  const { server, page } = await open(t);
  const next = await openPage(t, server.own);
  await connect(next, { name: "next", groups: ["blue"] }); // so that the group is not forgotten
  await connect(page, { groups: ["red", "green"] });
  await page.evaluate(async () => {
    window.said = collect();
    client.on("said to", (text) => said.push(text), { as: "text" });
    await client.join("blue");
    await client.leave("red");
    client.send("say to", ["blue", "one"]);
    await said.wait(1);
    window.waiting = client.call("wait", "").catch((err) => err.code);
    client.send("say to", ["blue", "two"]);
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
  });
  assert.deepEqual(await states(page, 1), ["reconnecting: conn_lost"]);
  assert.equal(await page.evaluate(() => waiting), "conn_lost");
  await next.evaluate(async () => {
    await until(async () => (await client.call("clients")) === 1);
    await client.rename("ada");
    client.send("say to", ["blue", "three"]);
    await client.rename("next");
  });
  await hear(page, "pageshow");
  assert.deepEqual((await states(page, 3)).slice(1), ["disconnected: conn_lost", "connected"]);
  const got = await page.evaluate(async () => {
    await said.wait(3);
    const groups = await client.call("groups", "");
    return { said: [...said], name: client.name, groups, here: client.groups, state: client.state };
  });
  // The page is given what it has not had, and nothing twice.
  assert.deepEqual(got, { said: ["one", "two", "three"], name: "ada", groups: ["blue", "green"], here: ["blue", "green"], state: "connected" });
  await page.evaluate(() => client.close());
  assert.equal(await page.evaluate(async () => (await hisock.internals.stats()).clients), 0);
});

test("with keepSession a page that is shown again goes on", async (t) => {
  const { server, page } = await open(t);
  const watcher = await openPage(t, server.own);
  await connect(watcher, { name: "watcher" });
  await connect(page, { keepSession: "kept" });
  await page.evaluate(() => {
    window.got = collect();
    client.on("reflected", (n) => got.push(n), { as: "number" });
  });
  for (let i = 0; i < 2; i++) {
    await page.evaluate(() => {
      client.send("reflect", 1);
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    });
    assert.deepEqual(await states(page, 1), ["reconnecting: conn_lost"]);
    await hear(page, "pageshow");
    assert.deepEqual(await states(page, 2), ["reconnecting: conn_lost", "resumed"]);
    assert.deepEqual(await page.evaluate((n) => got.wait(n), i + 1), Array(i + 1).fill(1));
    await page.evaluate(() => states.splice(0));
  }
  assert.deepEqual(await watcher.evaluate(() => client.call("events", "ada")), Array(2).fill(["suspend", "resume"]).flat());
  await page.evaluate(() => client.close());
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("a page that is closed while it is away is closed, and one whose session is over joins anew", async (t) => {
  const { server, page } = await open(t);
  await connect(page);
  await hear(page, "pagehide");
  assert.equal(await page.evaluate(async () => (await client.close(), client.closed)), null);
  await hear(page, "pageshow");
  assert.equal(await page.evaluate(() => client.state), "disconnected");

  await connect(page, { keepSession: "kept" });
  await hear(page, "pagehide");
  await page.evaluate(() => sessionStorage.clear());
  const watcher = await openPage(t, server.own);
  await connect(watcher, { name: "watcher", groups: ["red"] });
  await hear(page, "pageshow"); // and the name is taken for as long as the server waits
  await page.evaluate(() => void client.close());
  assert.equal(await page.evaluate(async () => (await client.closed)?.code ?? null), null);
});

test("the next page of a site has the name, and the page before it again", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.own, { from: await cachingBrowser(t) });
  for (const keepSession of [false, true]) {
    await connect(page, { keepSession });
    await page.evaluate(() => (window.mark = "before"));
    await page.goto(`${server.own}/?next`);
    await prepare(page);
    assert.equal(await connect(page, { keepSession, retry: { first: false } }), keepSession ? "resumed" : "connected");
    await page.goBack({ waitUntil: "commit" });
    assert.equal(await page.evaluate(() => window.mark), "before", "the page was kept");
    assert.deepEqual(await states(page, 3), ["reconnecting: conn_lost", "disconnected: conn_lost", "connected"]);
    assert.equal(await page.evaluate(() => client.call("sum", [1, 2])), 3);
    await page.evaluate(() => client.close());
  }
});
