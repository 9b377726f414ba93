// Much at once, in either direction: what a page has accepted arrives, its user is not kept waiting, and no timer is needed.

import assert from "node:assert/strict";
import { open, startServer, openPage, test } from "./harness.mjs";

for (const [what, retry] of [["with a session", {}], ["without a session", { off: true }]]) {
  test(`a send that was accepted arrives, ${what}`, async (t) => {
    const { page } = await open(t);
    const got = await page.evaluate(async (retry) => {
      const client = await hisock.connect("/ws", { name: "ada", retry });
      const codes = new Set();
      const accepted = [];
      const send = (command, payload, note) => {
        try {
          client.send(command, payload);
          accepted.push(note);
        } catch (err) {
          codes.add(err.code);
        }
      };
      for (let i = 0; i < 100_000; i++) send("count", i, i);
      await client.drained();
      const counted = await client.call("counted", "ada");
      const same = counted.length === accepted.length && counted.every((n, i) => n === accepted[i]);
      const all = accepted.splice(0).length;
      const back = collect();
      client.on("reflected", (bytes) => back.push(bytes[0]), { as: "bytes" });
      for (let i = 0; i < 3; i++) send("reflect", new Uint8Array(400_000).fill(i), i);
      await client.call("sum", []);
      await until(() => back.length === accepted.length);
      return { same, some: all > 1000, codes: [...codes].filter((code) => code !== "queue_full"), back: [...back], accepted, state: client.state };
    }, retry);
    assert.deepEqual(got.back, got.accepted);
    assert.ok(got.accepted.length > 0);
    assert.deepEqual([got.same, got.some, got.codes, got.state], [true, true, [], "connected"]);
  });
}

test("no timer is needed to send much, or to receive much", async (t) => {
  const { page } = await open(t);
  await page.evaluate(async () => {
    window.client = await hisock.connect("/ws");
    await client.call("sum", [1]);
  });
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 1000); // from now on no timer of the page fires
  const sum = await page.evaluate(async () => {
    let back = 0;
    const all = new Promise((resolve) => client.on("reflected", (bytes) => (back += bytes.length) === 80 << 16 && resolve(), { as: "bytes" }));
    for (let i = 0; i < 80; i++) {
      await client.drained();
      client.send("reflect", new Uint8Array(1 << 16));
    }
    await all;
    return client.call("sum", [1, 2]);
  });
  assert.equal(sum, 3);
});

test("a burst leaves the page its turns", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    let seen = 0;
    let turns = 0;
    let order = true;
    const turn = new MessageChannel();
    turn.port1.onmessage = () => {
      turns++;
      if (seen < 5000) turn.port2.postMessage(0);
    };
    const all = new Promise((resolve) => client.on("n", (n) => {
      if (seen === 0) turn.port2.postMessage(0);
      order &&= n === seen++;
      for (const end = performance.now() + 0.1; performance.now() < end; );
      if (seen === 5000) resolve();
    }));
    client.send("flood", 5000);
    await all;
    return { turns, order };
  });
  assert.ok(got.turns >= 20, `${got.turns} turns`); // half a second of handlers
  assert.ok(got.order);
});

test("the largest frames of either side arrive, and larger ones fail where they are sent", async (t) => {
  const server = await startServer(t, "large");
  const page = await openPage(t, server.own);
  const got = await page.evaluate(async () => {
    const states = [];
    const options = { onState: (state) => states.push(state) };
    const big = (n) => new Uint8Array(n).fill(7);
    const large = await hisock.connect("/ws", { ...options, maxFrame: 8 << 20 });
    const back = await large.call("echo", big(5_000_000), { as: "bytes" });
    const over = await failure(() => large.send("reflect", big(9_000_000)));
    large.handle("who", () => big(9_000_000));
    const answered = await large.call("ask", ["who", ""], { as: "text" });
    const small = await hisock.connect("/ws", { ...options, maxFrame: 1 << 20 });
    const refused = await failure(() => small.call("echo", big(2_000_000)));
    small.send("reflect", big(2_000_000)); // which the server cannot send back
    const alive = [await large.call("sum", [1]), await small.call("sum", [2])];
    return { back: back.length, over: over.code, answered, refused: [refused.code, refused.remote], alive, states };
  });
  assert.match(got.answered, /^failed: too big/);
  delete got.answered;
  assert.deepEqual(got, {
    back: 5_000_000, over: "too_big", refused: ["too_big", true], alive: [1, 2], states: ["connected", "connected"],
  });
});
