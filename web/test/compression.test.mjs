// A page whose server agrees to compression. The browser does all the work: the page is the ordinary one.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { addressOf, openPage, startServer, test } from "./harness.mjs";

/** A proxy that counts the bytes in both directions. */
async function startMeter(t, to) {
  const meter = { up: 0, down: 0, url: "" };
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(to);
    for (const [from, other, way] of [[near, far, "up"], [far, near, "down"]]) {
      sockets.add(from);
      from.on("data", (bytes) => {
        meter[way] += bytes.length;
        other.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (sockets.forEach((s) => s.destroy()), server.close()));
  meter.url = `http://127.0.0.1:${server.address().port}`;
  return meter;
}

/** Lets a page send JSON there and back, and bytes that do not compress. It returns how many bytes were on the network. */
async function traffic(t, ...args) {
  const server = await startServer(t, ...args);
  const meter = await startMeter(t, addressOf(server));
  const page = await openPage(t, meter.url);
  await page.evaluate(async () => {
    window.client = await hisock.connect("/ws");
    await client.call("sum", [1]);
  });
  const { up, down } = meter;
  const got = await page.evaluate(async () => {
    const items = Array.from({ length: 500 }, (_, i) => ({ id: i, from: "somebody", text: "good morning", at: "2026-11-27T17:25:00Z" }));
    const text = JSON.stringify(items);
    let same = 0;
    for (let i = 0; i < 4; i++) same += (await client.call("echo", text, { as: "text" })) === text;
    const back = collect();
    client.on("reflected", (item) => back.push(item));
    for (const item of items) client.send("reflect", item);
    const reflected = JSON.stringify(await back.wait(items.length)) === text;
    const noise = crypto.getRandomValues(new Uint8Array(65536));
    const echoed = await client.call("echo", noise, { as: "bytes" });
    const intact = echoed.length === noise.length && echoed.every((b, i) => b === noise[i]);
    return { same, reflected, intact, size: 5 * text.length };
  });
  assert.deepEqual({ ...got, size: 0 }, { same: 4, reflected: true, intact: true, size: 0 });
  const extensions = await page.evaluate(async () => {
    const socket = new WebSocket("/ws");
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.close();
    return socket.extensions;
  });
  return { up: meter.up - up - 65536, down: meter.down - down - 65536, size: got.size, extensions };
}

test("a page and a server that agrees to compression send a fifth of the bytes", async (t) => {
  const { up, down, size, extensions } = await traffic(t, "compress");
  assert.match(extensions, /^permessage-deflate/);
  assert.ok(up < size / 5, `${up} bytes of ${size} sent`);
  assert.ok(down < size / 5, `${down} bytes of ${size} received`);
});

test("without the option nothing is compressed", async (t) => {
  const { up, down, size, extensions } = await traffic(t);
  assert.equal(extensions, "");
  assert.ok(up > size, `${up} bytes of ${size} sent`);
  assert.ok(down > size, `${down} bytes of ${size} received`);
});
