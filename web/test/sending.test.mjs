import assert from "node:assert/strict";
import { open, test } from "./harness.mjs";

test("sends that wait for room or for bytes, and calls, keep their order", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { queueBytes: 128 << 10 });
    const seen = collect();
    client.on("reflected", (bytes) => seen.push(bytes[0]), { as: "bytes" });
    const own = new Uint8Array(20_000);
    const done = [];
    for (let i = 0; i < 100; i++) {
      own.fill(i); // the same memory each time
      const value = i % 7 === 3 ? new Blob([own.slice()]) : own;
      done.push(client.send("reflect", value, i % 2 ? {} : { timeout: 60_000 }));
      if (i % 25 === 0) done.push(client.call("echo", new Blob([`${i}`]), { as: "text" }).then((text) => [text, seen.at(-1)]));
    }
    const results = (await Promise.all(done)).filter(Boolean);
    const order = await seen.wait(100);
    const raw = [];
    client.onRaw((bytes) => raw.push(new TextDecoder().decode(bytes)));
    await client.sendRaw(new File(["file"], "x"), {});
    await client.sendRaw("text", {});
    client.handle("blob", () => new Response("answer"));
    const answer = await client.call("ask", ["blob", ""], { as: "text" });
    // Nothing waits any more, so it is sent before the next one, which does not wait.
    client.send("reflect", new Uint8Array([1]), {});
    client.send("reflect", new Uint8Array([2]));
    const last = (await seen.wait(102)).slice(-2);
    return { results, inOrder: order.every((n, i) => n === i), raw, answer, last };
  });
  assert.deepEqual(got.results.map(([text]) => text), ["0", "25", "50", "75"]);
  for (const [text, last] of got.results) assert.ok(last >= Number(text), `${text} was answered after ${last}`);
  assert.ok(got.inOrder);
  assert.deepEqual(got.raw, ["back: file", "back: text"]);
  assert.deepEqual([got.answer, got.last], ["answer: answer", [1, 2]]);
});

test("a send that waits is given up, and the next one is not", async (t) => {
  const { server, page } = await open(t);
  await page.evaluate(async () => {
    window.client = await hisock.connect("/ws", { queueBytes: 128 << 10 });
  });
  await server.kill();
  const got = await page.evaluate(async () => {
    await until(() => client.state === "reconnecting");
    await failure(() => {
      for (;;) client.send("reflect", new Uint8Array(10_000));
    });
    const waiting = client.bufferedAmount;
    const abort = new AbortController();
    const large = new Uint8Array(30_000);
    const late = failure(() => client.send("reflect", large, { timeout: 30 }));
    const behind = failure(() => client.send("reflect", large, { signal: abort.signal }));
    const call = failure(() => client.call("echo", new Blob(), { timeout: 20 }));
    const early = failure(() => client.send("reflect", 1, { signal: AbortSignal.abort(new Error("too early")) }));
    const last = failure(() => client.send("reflect", large, {}));
    const out = [(await late).code, (await call).code, (await early).message];
    abort.abort(new Error("enough"));
    out.push((await behind).message);
    const closed = client.close();
    out.push((await last).code);
    await closed;
    out.push((await failure(() => client.send("reflect", 1, {}))).code, waiting > 50_000, client.bufferedAmount);
    return out;
  });
  assert.deepEqual(got, ["deadline_exceeded", "deadline_exceeded", "too early", "enough", "closed", "not_connected", true, 0]);
});

test("what waits and how far away the server is", async (t, engine) => {
  const { page } = await open(t);
  const got = await page.evaluate(async (engine) => {
    const client = await hisock.connect("/ws");
    for (let i = 0; i < 5; i++) client.send("take", new Uint8Array(80_000));
    const waits = client.bufferedAmount;
    await until(() => client.bufferedAmount === 0);
    if (engine === "js") await until(() => client.rtt > 0); // the Go program measures it after some heartbeats
    const { rtt } = client;
    await client.close();
    return { waits, rtt, after: [client.bufferedAmount, client.rtt] };
  }, engine);
  assert.ok(got.waits > (engine === "js" ? 400_000 : 0), `${got.waits} B wait`); // a browser may be quicker than the Go program
  assert.ok(got.rtt >= 0 && got.rtt < 5000, `${got.rtt} ms`);
  assert.deepEqual(got.after, [0, 0]);
});

test("a client that is drained answers and waits for answers before it ends", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    let handling = false;
    client.handle("slow", async (text) => {
      handling = true;
      await new Promise((resolve) => setTimeout(resolve, 30));
      return `slow ${text}`;
    }, { as: "text" });
    const asked = client.call("ask", ["slow", "x"], { as: "text" });
    await until(() => handling);
    client.waitFor("nothing").catch(() => {});
    const sent = client.send("take", new Blob(["x"]), {});
    const drained = client.drain();
    await sent;
    const out = [await asked, (await failure(() => client.send("take", 1))).code, (await failure(() => client.call("sum", []))).code];
    await drained;
    out.push(await client.closed);
    const stuck = await hisock.connect("/ws");
    const waiting = failure(() => stuck.call("wait", ""));
    const late = await failure(() => stuck.drain({ timeout: 20 }));
    out.push(late.code, (await waiting).code, stuck.state);
    await stuck.drain().catch((err) => out.push(err.code));
    return out;
  });
  assert.deepEqual(got, ["answer: slow x", "closed", "closed", null, "deadline_exceeded", "closed", "disconnected", "not_connected"]);
});
