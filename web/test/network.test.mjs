// How a client uses the browser's events about the network and about the page.

import assert from "node:assert/strict";
import { addressOf, openPage, startProxy, startServer, test } from "./harness.mjs";

const never = 3_600_000;

/** Opens a page with a client that reaches the server through a proxy, and that waits an hour before it tries again. */
async function openAway(t, options = { retry: { min: never, max: never } }) {
  const server = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await page.clock.install();
  await page.evaluate(async (options) => {
    window.states = collect();
    window.client = await hisock.connect("/ws", { ...options, onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state) });
    await client.call("sum", [1]); // the answer shows that the server and the client have the session
    states.splice(0);
  }, options);
  return { server, page, proxy };
}

/** Fires an event of the browser in a page. */
const hear = (page, event) => page.evaluate((event) => (event === "visibilitychange" ? document : window).dispatchEvent(new Event(event)), event);

/** Runs make, and waits until the proxy has one more connection. */
async function another(proxy, make) {
  const before = proxy.made;
  await make();
  while (proxy.made === before) await new Promise((r) => setTimeout(r, 5));
}

test("a client that waits tries at once when there may be a network again", async (t) => {
  const { page, proxy } = await openAway(t);
  for (const event of ["online", "pageshow", "visibilitychange"]) {
    proxy.cut();
    await page.evaluate(() => until(() => client.state === "reconnecting"));
    await hear(page, event);
    await page.evaluate(() => until(() => client.state === "connected"));
    assert.deepEqual(await page.evaluate(() => states.splice(0)), ["reconnecting: conn_lost", "resumed"], event);
  }
  assert.equal(await page.evaluate(() => client.call("sum", [2, 3])), 5);
});

test("an attempt that hangs is begun anew when there may be a network again", async (t) => {
  const { page, proxy } = await openAway(t);
  proxy.mute = true;
  proxy.cut();
  await page.evaluate(() => until(() => client.state === "reconnecting"));
  await another(proxy, () => hear(page, "online"));
  proxy.mute = false; // for new connections: the attempt still hangs
  await hear(page, "online");
  await page.evaluate(() => until(() => client.state === "connected"));
  assert.deepEqual(await page.evaluate(() => states.splice(0)), ["reconnecting: conn_lost", "resumed"]);

  // The event starts the first attempt of another client anew, too.
  proxy.mute = true;
  await another(proxy, () => page.evaluate(() => void (window.another = hisock.connect("/ws", { retry: { first: false } }))));
  proxy.mute = false;
  await hear(page, "online");
  assert.equal(await page.evaluate(async () => (await another).call("sum", [1, 2])), 3);
});

test("a link that is dead is given up soon after there may be a network again", async (t) => {
  const { page, proxy } = await openAway(t);
  await hear(page, "online");
  await page.evaluate(() => client.call("sum", [1]));
  await page.clock.fastForward(3500);
  assert.equal(await page.evaluate(() => client.call("sum", [2, 3])), 5, "the server has answered");
  assert.deepEqual(await page.evaluate(() => [...states]), []);
  proxy.mute = true;
  for (const event of ["online", "visibilitychange"]) {
    await hear(page, event);
    await page.clock.fastForward(3500);
    await page.evaluate(() => until(() => client.state === "reconnecting"));
    proxy.mute = false;
    await hear(page, event);
    await page.evaluate(() => until(() => client.state === "connected"));
    assert.deepEqual(await page.evaluate(() => states.splice(0)), ["reconnecting: heartbeat", "resumed"], event);
    proxy.mute = true;
  }
});

test("a client that can resume is away as soon as the browser is offline", async (t) => {
  const { page } = await openAway(t);
  await page.evaluate(async () => {
    window.answer = client.call("echo", "kept", { as: "text" });
    dispatchEvent(new Event("offline"));
    await until(() => states.length > 0);
  });
  assert.equal(await page.evaluate(() => client.state), "reconnecting");
  await page.context().setOffline(true);
  await page.context().setOffline(false); // the browser fires online
  assert.equal(await page.evaluate(() => answer), "kept");
  assert.deepEqual(await page.evaluate(() => [...states]), ["reconnecting: conn_lost", "resumed"]);
});

test("a client that cannot resume is not ended by an event", async (t) => {
  const { page, proxy } = await openAway(t, { retry: { off: true } });
  await hear(page, "offline");
  await page.evaluate(() => client.call("sum", [1]));
  await page.clock.fastForward(3500);
  assert.equal(await page.evaluate(() => client.call("sum", [2, 3])), 5);
  proxy.mute = true;
  await hear(page, "offline");
  await page.clock.fastForward(3500);
  assert.equal(await page.evaluate(async () => (await client.closed).code), "heartbeat");
});
