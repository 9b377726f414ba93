// The session of a page that is left and comes back.

import assert from "node:assert/strict";
import { addressOf, open, openPage, prepare, startProxy, startServer, test } from "./harness.mjs";

const key = "hisock session kept";

/** Connects in a page, and again after each reload. */
async function connect(page, options = {}) {
  return page.evaluate(async (options) => {
    window.states = collect();
    window.client = await hisock.connect("/ws", {
      name: "ada", keepSession: "kept", retry: { min: 20, max: 100 }, ...options,
      onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state),
    });
    return client.resumed;
  }, options);
}

async function reload(page) {
  await page.reload();
  await prepare(page);
}

const wholeTo = (n) => Array.from({ length: n }, (_, i) => i);

test("over reloads nothing is lost, nothing comes twice, and nobody leaves", async (t) => {
  const { server, page } = await open(t);
  const watcher = await openPage(t, server.own);
  await watcher.evaluate(async () => void (window.client = await hisock.connect("/ws", { name: "watcher" })));
  const total = 3000;
  let sent = 0;
  for (let i = 0; i < 8; i++) {
    if (i > 0) await reload(page);
    const resumed = await page.evaluate(async ({ i, sent, total }) => {
      // Handled messages are recorded at once, in a storage that outlives the page.
      const note = (list, n) => void (localStorage[list] = `${localStorage[list] ?? ""}${n} `);
      window.client = await hisock.connect("/ws", {
        name: "ada", keepSession: "kept", retry: { min: 20, max: 100 },
        on: { number: (n) => note("got", n) },
        onRaw: (bytes) => note("raw", new TextDecoder().decode(bytes)),
      });
      if (i === 0) client.send("stream", total);
      for (let n = 0; n < 50; n++) client.send("count", sent + n);
      return client.resumed;
    }, { i, sent, total });
    assert.equal(resumed, i > 0);
    sent += 50;
    await new Promise((r) => setTimeout(r, 150));
    // The last messages of the page. There is no time to write them.
    await page.evaluate((sent) => {
      addEventListener("beforeunload", () => {
        for (let n = 0; n < 20; n++) client.send("count", sent + n);
      });
    }, sent);
    if (i < 7) sent += 20;
  }
  const lists = await page.evaluate(async (last) => {
    await Promise.race([until(() => localStorage.raw.endsWith(` ${last} `)), new Promise((r) => setTimeout(r, 20_000))]);
    return [localStorage.got, localStorage.raw].map((list) => list.trim().split(" ").map(Number));
  }, total - 1);
  for (const list of lists) assert.deepEqual(list, wholeTo(total));
  const there = await watcher.evaluate(async () => ({ events: await client.call("events", "ada"), counted: await client.call("counted", "ada") }));
  assert.deepEqual(there.counted, wholeTo(sent));
  assert.deepEqual(there.events, Array(7).fill(["suspend", "resume"]).flat());
});

test("a page goes on with its name and groups, and asks for those that are new", async (t) => {
  const { page } = await open(t);
  assert.equal(await connect(page, { groups: ["red"] }), false);
  await page.evaluate(async () => {
    await client.join("blue");
    await client.rename("grace");
    window.waiting = client.call("wait", "").catch((err) => err.code);
  });
  await reload(page);
  assert.equal(await connect(page, { groups: ["red", "green"] }), true);
  const got = await page.evaluate(async () => {
    const before = client.name;
    await until(() => client.groups.includes("green"));
    const sum = await client.call("sum", [1, 2]);
    await until(async () => (await client.call("abandoned")) === 1); // the call of the page before
    return { before, groups: client.groups, sum, states: [...states], state: client.state };
  });
  assert.deepEqual(got, { before: "grace", groups: ["blue", "green", "red"], sum: 3, states: ["resumed"], state: "connected" });
  assert.equal(await page.evaluate((key) => sessionStorage.getItem(key), key), null, "it is used once");
});

test("raw messages that nobody had asked for wait for the next page", async (t) => {
  const { page } = await open(t);
  await connect(page);
  await page.evaluate(async () => {
    for (const text of ["one", "two", "three"]) client.send("raw please", text);
    await client.recvRaw();
    await client.call("sum", [1]);
  });
  for (const want of ["two", "three"]) {
    await reload(page);
    assert.equal(await connect(page), true);
    assert.equal(await page.evaluate(async () => new TextDecoder().decode(await client.recvRaw())), want);
  }
});

test("a call of the server that the page was handling fails", async (t) => {
  const { server, page } = await open(t);
  const other = await openPage(t, server.own);
  await connect(page, { name: "asked" });
  await page.evaluate(() => {
    window.asked = collect();
    client.handle("who", () => new Promise(() => asked.push(1)), { as: "text" });
  });
  await other.evaluate(async () => {
    window.client = await hisock.connect("/ws");
    window.answer = client.call("askClient", ["asked", "who"], { as: "text" });
  });
  await page.evaluate(() => asked.wait(1));
  await reload(page);
  assert.equal(await connect(page, { name: "asked" }), true);
  assert.equal(await other.evaluate(() => answer), "connection lost");
});

test("without the option the page says goodbye, as before", async (t) => {
  const { server, page } = await open(t);
  const watcher = await openPage(t, server.own);
  await watcher.evaluate(async () => void (window.client = await hisock.connect("/ws", { name: "watcher" })));
  await connect(page, { keepSession: false });
  await reload(page);
  assert.equal(await connect(page, { keepSession: false }), false);
  const events = await watcher.evaluate(() => client.call("events", "ada"));
  assert.deepEqual(events, ["leave: closed"]);
});

test("a second tab takes nothing, and neither does another name or a client that was closed", async (t) => {
  const { server, page } = await open(t);
  assert.equal(await connect(page), false);
  // A tab that the page opens begins with a copy of the page's storage.
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.evaluate((url) => void window.open(url), server.own)]);
  await popup.waitForLoadState();
  popup.engine = page.engine;
  await prepare(popup);
  assert.equal(await connect(popup, { name: "eve" }), false);
  assert.equal(await page.evaluate(() => client.state), "connected");

  await reload(page);
  assert.equal(await connect(page, { name: "bob" }), false, "another name");
  await reload(page);
  assert.equal(await connect(page, { name: "bob" }), true);
  await page.evaluate(() => client.close());
  await reload(page);
  assert.equal(await connect(page, { name: "bob" }), false, "it was closed");
});

test("what is damaged in the storage is as good as nothing", async (t) => {
  const { page } = await open(t);
  await connect(page, { name: "x0" });
  await reload(page);
  const good = JSON.parse(await page.evaluate((key) => sessionStorage.getItem(key), key));
  const session = Buffer.from(good.session, "base64");
  const flipped = Buffer.from(session);
  flipped[session.length >> 1] ^= 1;
  const spoiled = [
    "", "null", "[]", "{}", "{", JSON.stringify({ ...good, v: 2 }), JSON.stringify({ ...good, session: 7 }),
    JSON.stringify({ ...good, session: "%%%" }), JSON.stringify({ ...good, session: "" }), JSON.stringify({ ...good, raw: "x" }),
    JSON.stringify({ ...good, raw: [1] }),
    JSON.stringify({ ...good, session: flipped.toString("base64") }),
    JSON.stringify({ ...good, session: session.subarray(0, -1).toString("base64") }),
  ];
  for (const [i, text] of spoiled.entries()) {
    const name = `x${i + 1}`;
    await page.evaluate(({ key, text }) => sessionStorage.setItem(key, text), { key, text: text.replace('"x0"', `"${name}"`) });
    assert.equal(await connect(page, { name }), false, text);
    assert.equal(await page.evaluate(() => client.call("sum", [1, 2])), 3);
    await page.evaluate(() => client.close());
  }
  await page.evaluate(({ key, text }) => sessionStorage.setItem(key, text), { key, text: JSON.stringify(good) });
  assert.equal(await connect(page, { name: "x0" }), true);
  assert.deepEqual(page.errors, []);
});

test("without storage, or room in it, the page says goodbye", async (t) => {
  const { server, page } = await open(t);
  const watcher = await openPage(t, server.own);
  await watcher.evaluate(async () => void (window.client = await hisock.connect("/ws", { name: "watcher" })));
  await connect(page);
  await page.evaluate(() => {
    let text = "x".repeat(1 << 20);
    for (let i = 0; text; i++) {
      try {
        sessionStorage.setItem(`full ${i}`, text);
      } catch {
        text = text.slice(0, text.length >> 1);
      }
    }
  });
  await reload(page);
  await page.evaluate(() => sessionStorage.clear());
  assert.equal(await connect(page), false);
  await page.evaluate(() => Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("no", "SecurityError"); } }));
  await reload(page);
  assert.equal(await connect(page), false);
  assert.deepEqual(await watcher.evaluate(() => client.call("events", "ada")), Array(2).fill("leave: closed"));
});

test("a page that is left before it has connected leaves the session to the next", async (t) => {
  const { page } = await open(t);
  await connect(page);
  await reload(page);
  // Reloads at any moment before the client is ready.
  for (let wait = 0; wait < 300; wait += 30) {
    await page.evaluate((wait) => {
      window.connecting = hisock.connect("/ws", { name: "ada", keepSession: "kept" });
      connecting.catch(() => {});
      return new Promise((r) => setTimeout(r, wait));
    }, wait);
    await reload(page);
  }
  assert.equal(await connect(page), true);
});

test("a session that is over is handed back to the next page", async (t) => {
  const server = await startServer(t);
  const second = await startServer(t);
  const proxy = await startProxy(t, addressOf(server));
  const page = await openPage(t, proxy.url);
  await connect(page, { retry: { min: 3_600_000 } }); // only the next page comes back
  proxy.open = false;
  proxy.cut();
  await page.evaluate(async () => {
    await until(() => client.state === "reconnecting");
    client.send("say", "last words");
  });
  await server.kill();
  proxy.to = addressOf(second);
  proxy.open = true;
  await reload(page);
  const got = await page.evaluate(async () => {
    const left = [];
    const client = await hisock.connect("/ws", {
      name: "ada", keepSession: "kept",
      onUndelivered: (messages) => messages.forEach(({ command, bytes }) => left.push([command, new TextDecoder().decode(bytes)])),
    });
    return { resumed: client.resumed, left };
  });
  assert.deepEqual(got, { resumed: false, left: [["say", "last words"]] });
});

test("what a client asks of the option", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const failures = [];
    for (const options of [{ keepSession: 1 }, { keepSession: "" }, { keepSession: true, retry: { off: true } }]) {
      failures.push((await failure(() => hisock.connect("/ws", options))).name);
    }
    const one = await hisock.connect("/ws", { keepSession: true });
    failures.push((await failure(() => hisock.connect("/ws", { keepSession: true }))).message);
    const two = await hisock.connect("/ws", { keepSession: "two" });
    await one.close();
    const three = await hisock.connect("/ws", { keepSession: true });
    await Promise.all([two.close(), three.close()]);
    return failures;
  });
  assert.deepEqual(got.slice(0, 3), Array(3).fill("TypeError"));
  assert.match(got[3], /give each a key of its own/);
});

test("two copies of the module on one page do not go on with one session", async (t, engine) => {
  const { page } = await open(t);
  const connect = () => page.evaluate(async (engine) => {
    const copy = await import("/untyped/hisock.js");
    window.clients = [await hisock.connect("/ws", { name: "ada", keepSession: "kept" })];
    const refused = await failure(() => copy.connect("/ws", { name: "ada", keepSession: "kept", engine }));
    clients.push(await copy.connect("/ws", { name: "eve", keepSession: "other", engine }));
    return { resumed: clients.map((client) => client.resumed), refused: [refused.name, /give each a key of its own/.test(refused.message)] };
  }, engine);
  assert.deepEqual(await connect(), { resumed: [false, false], refused: ["TypeError", true] });
  await reload(page);
  assert.deepEqual(await connect(), { resumed: [true, true], refused: ["TypeError", true] });
  const names = await page.evaluate(async (engine) => {
    await clients[0].close();
    const copy = await import("/untyped/hisock.js");
    const client = await copy.connect("/ws", { name: "zoe", keepSession: "kept", engine }); // the key is free
    await clients[0].close();
    const refused = await failure(() => hisock.connect("/ws", { keepSession: "kept" }));
    return [client.name, clients[1].name, refused.name];
  }, engine);
  assert.deepEqual(names, ["zoe", "eve", "TypeError"]);
});
