// A benchmark of both engines, in Chromium against the tests' server: node test/bench.mjs [ROUNDS]. Each row is the median
// of the rounds, in which the engines take turns.

import { after, test } from "node:test";
import { engines, openPage, startServer } from "./harness.mjs";

const rounds = Number(process.env.ROUNDS ?? 5);

/** Runs in the page. */
async function measure({ engine }) {
  const client = await hisock.connect("/ws", { engine, as: "text", queueBytes: 4 << 20, on: { early: () => {} } });
  const rate = async (n, run) => {
    const begun = performance.now();
    await run(n);
    return Math.round((1000 * n) / (performance.now() - begun));
  };
  const text = "x".repeat(128);
  const receive = (n) => new Promise((resolve) => {
    let got = 0;
    const remove = client.on("text", () => ++got === n && (remove(), resolve()));
    client.send("texts", n);
  });
  const oneByOne = async (n) => {
    for (let i = 0; i < n; i++) await client.call("echo", text);
  };
  const inFlight = async (n) => {
    let left = n;
    const run = async () => {
      while (left-- > 0) await client.call("echo", text);
    };
    await Promise.all(Array.from({ length: 64 }, run));
  };
  const send = async (n) => {
    for (let i = 0; i < n; i++) {
      try {
        client.send("take", text);
      } catch (err) {
        if (err.code !== "queue_full") throw err;
        await client.drained();
        client.send("take", text);
      }
    }
    await client.call("echo", "");
  };
  await receive(2000);
  await inFlight(500);
  await send(500);
  const out = {};
  window.mark?.();
  out["received, a second"] = await rate(20_000, receive);
  out["round trips, one at a time, a second"] = await rate(1000, oneByOne);
  out["round trips, 64 in flight, a second"] = await rate(10_000, inFlight);
  out["sent, a second"] = await rate(20_000, send);
  await client.close();
  return out;
}

/** Runs in the page. */
async function receiveSome({ engine, n }) {
  const client = await hisock.connect("/ws", { engine, as: "text", queueBytes: 4 << 20, on: { early: () => {} } });
  const receive = (n) => new Promise((resolve) => {
    let got = 0;
    const remove = client.on("text", () => ++got === n && (remove(), resolve()));
    client.send("texts", n);
  });
  await receive(2000);
  window.again = async () => {
    await receive(n);
    await client.close();
  };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

test("benchmark", async (t) => {
  const server = await startServer(t);
  const all = Object.fromEntries(engines.map((engine) => [engine, {}]));
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines) {
      const page = await openPage(t, server.own);
      const rows = await page.evaluate(measure, { engine });
      const cdp = await page.context().newCDPSession(page);
      await cdp.send("Performance.enable");
      const taken = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
      await page.evaluate(receiveSome, { engine, n: 10_000 });
      const before = await taken();
      await page.evaluate(() => again());
      rows["main thread, ms for 10,000 received"] = Math.round(1000 * (await taken() - before));
      await page.close();
      for (const [row, value] of Object.entries(rows)) (all[engine][row] ??= []).push(value);
    }
  }
  after(() => {
    console.log(["", ...engines].join(" | "));
    for (const row of Object.keys(all[engines[0]])) console.log([row, ...engines.map((engine) => median(all[engine][row]))].join(" | "));
  });
});
