// A page is asked for its auth each time that it joins.

import assert from "node:assert/strict";
import { addressOf, openPage, startProxy, startServer, test } from "./harness.mjs";

test("auth is asked for at every join, and not to go on", async (t) => {
  const server = await startServer(t, "auth");
  const second = await startServer(t, "auth");
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await page.evaluate(async () => {
    window.asked = 0;
    window.states = collect();
    window.client = await hisock.connect("/ws", {
      name: "ada", retry: { min: 20, max: 50 }, keepSession: true,
      auth: async (signal) => {
        if (!(signal instanceof AbortSignal)) throw new TypeError("no signal");
        await new Promise((resolve) => setTimeout(resolve, 5));
        return `token ${Math.random()} ${++asked}`;
      },
      onState: (state) => states.push(state),
    });
  });
  proxy.cut();
  await page.evaluate(() => states.wait(3));
  assert.deepEqual(await page.evaluate(() => [asked, ...states]), [1, "connected", "reconnecting", "resumed"]);
  proxy.to = addressOf(second);
  await server.kill();
  await page.evaluate(() => until(() => states.length > 3 && states.at(-1) === "connected"));
  assert.deepEqual(await page.evaluate(() => [asked, ...states.slice(3)]), [2, "reconnecting", "disconnected", "reconnecting", "connected"]);
});

test("auth that fails is an attempt that has failed", async (t) => {
  const server = await startServer(t, "auth");
  const page = await openPage(t, server.own);
  const got = await page.evaluate(async () => {
    const told = [];
    let asked = 0;
    const client = await hisock.connect("/ws", {
      retry: { min: 20, max: 50 },
      auth: () => {
        asked++;
        if (asked === 1) throw new TypeError("Failed to fetch");
        if (asked === 2) return Promise.reject(new hisock.HisockError("unavailable", "the issuer is busy"));
        return new TextEncoder().encode("token");
      },
      onState: (state, why) => told.push([state, why?.code, why?.message, why?.remote]),
    });
    await client.close();
    return told;
  });
  assert.equal(got.length, 4);
  assert.deepEqual(got[0].slice(0, 2), ["connecting", "unavailable"]);
  assert.match(got[0][2], /Failed to fetch/);
  assert.equal(got[0][3], false);
  assert.deepEqual(got[1].slice(0, 2), ["connecting", "unavailable"]);
  assert.match(got[1][2], /the issuer is busy/);
  assert.equal(got[2][0], "connected");
});

test("auth that is refused for good ends connecting", async (t) => {
  const server = await startServer(t, "auth");
  const page = await openPage(t, server.own);
  const got = await page.evaluate(async () => {
    const wrong = await failure(() => hisock.connect("/ws", { auth: () => "who knows" }));
    const none = await failure(() => hisock.connect("/ws", { auth: () => { throw new hisock.HisockError("unauthorized", "signed out"); } }));
    const number = await failure(() => hisock.connect("/ws", { auth: () => 7 }));
    return [wrong.code, wrong.remote, none.code, none.remote, number.code];
  });
  assert.deepEqual(got, ["unauthorized", true, "unauthorized", false, "bad_payload"]);
});

test("auth that takes its time is given up with connecting", async (t) => {
  const server = await startServer(t, "auth");
  const page = await openPage(t, server.own);
  const got = await page.evaluate(async () => {
    const abort = new AbortController();
    let signal;
    const connecting = failure(() => hisock.connect("/ws", { signal: abort.signal, auth: (s) => new Promise(() => (signal = s)) }));
    await until(() => signal);
    abort.abort(new Error("changed my mind"));
    const { message } = await connecting;
    await until(() => signal.aborted);
    await until(async () => (await hisock.internals.stats()).clients === 0);
    return [message, signal.reason.code];
  });
  assert.deepEqual(got, ["changed my mind", "canceled"]);
});
