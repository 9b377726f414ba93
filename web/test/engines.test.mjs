// Both engines beside each other: the same random programs and cuts, against one server, must look the same to a page.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test as testOnce } from "node:test";
import { addressOf, open, openPage, prepare, startProxy, startServer, test } from "./harness.mjs";
import { root } from "./programs.mjs";

/** Runs a random program in the page, and returns what the page sees of it. */
async function program({ seed, steps, engine }) {
  // The undelivered messages of a client that leaves depend on the cuts, and so do its states.
  const random = (n) => (seed = (seed * 48271) % 0x7fffffff) % n;
  const pick = (list) => list[random(list.length)];
  const text = (bytes) => new TextDecoder().decode(bytes);
  const rooms = ["red", "green", "blue"].map((room) => `${engine} ${room}`);
  const handled = [];
  const results = [];
  const states = [];
  let sent = 0;
  let anew = 0; // how often the client has joined anew, because its page had been in the back/forward cache
  const keepSession = seed % 2 === 0 && `${engine} kept`;
  const connectOnly = () => hisock.connect("/ws", {
    engine, name: `${engine} ada`, groups: [pick(rooms)], as: "text", retry: { min: 5, max: 30 }, metadata: { a: "b" }, keepSession,
    on: {
      early: (n) => handled.push(["early", n]),
      reflected: (value, { replayed }) => handled.push(["reflected", value.length > 40 ? value.length : value, replayed]),
      "said to": (value, { replayed }) => handled.push(["said", value, replayed]),
      n: (value) => handled.push(["n", value]),
    },
    handle: {
      upper: (value) => value.toUpperCase(),
      later: async (value) => (await null, `later ${value}`),
      fails: () => { throw new hisock.HisockError(1234, "no", { retryAfter: 5, details: { why: "because" } }); },
    },
    onRaw: (bytes, { replayed }) => handled.push(["raw", text(bytes), replayed]),
    onReplay: (r) => handled.push(["replay", r]),
    onReplayed: (r) => handled.push(["replayed", r]),
    onRename: (old, name) => handled.push(["rename", old, name]),
    onJoinGroup: (group) => handled.push(["in", group]),
    onLeaveGroup: (group) => handled.push(["out", group]),
    onState: (state, why) => states.push(why ? `${state}: ${why.code}` : state),
    onError: (err) => handled.push(["error", err.code]),
  });
  // A client whose arrival or leaving is cut leaves its name at the server for a while. It has arrived once the server has its ack.
  const connect = async () => {
    const client = await connectOnly();
    await client.call("sum", []);
    return client;
  };
  const calmly = async (fn) => {
    await cut(false);
    await fn();
    await cut(true);
  };
  let client;
  await calmly(async () => (client = await connect()));
  const outcome = async (promise) => {
    try {
      const value = await promise;
      return value === undefined ? "done" : value;
    } catch (err) {
      return [err.name, err.code, err.remote, err.retryAfter, err.details ?? "none"];
    }
  };
  const note = (what, promise) => results.push(Promise.all([what, outcome(promise)]));
  for (let step = 0; step < steps; step++) {
    if (random(6) === 0) await new Promise((resolve) => setTimeout(resolve, random(40)));
    switch (random(16)) {
      case 0:
      case 1:
        for (let n = 1 + random(20); n > 0; n--) client.send("reflect", `${++sent}`);
        break;
      case 2:
        client.send("reflect", "x".repeat(random(60_000)));
        break;
      case 3:
        client.sendRaw(`raw ${++sent}`);
        break;
      case 4:
        note("sum", client.call("sum", [sent, step]));
        break;
      case 5:
        note("fails", client.call(pick(["nobody", "buy", "quota", "sum", "a\nb", ""]), pick(["", "[]", '["0"]'])));
        break;
      case 6:
        note("ask", client.call("ask", [pick(["upper", "later", "fails", "none"]), `${step}`]));
        break;
      case 7:
        note("join", client.join(pick([...rooms, "staff", "a\u200bb", ""])));
        break;
      case 8:
        note("leave", client.leave(pick(rooms)));
        break;
      case 9:
        note("rename", client.rename(pick([`${engine} ada`, `${engine} bob`, "busy", ""])));
        break;
      case 10:
        for (let n = 1 + random(5); n > 0; n--) client.send("say to", [pick(rooms), `${++sent}`]);
        break;
      case 11:
        client.send("shout to", [pick(rooms), `${++sent}`]);
        if (random(3) === 0) client.send("again", pick(rooms));
        break;
      case 12:
        client.send("flood", random(60));
        break;
      case 13:
        if (random(4) > 0) {
          note("drained", client.drained());
          break;
        }
        // The server has handled everything before the client leaves in order.
        await Promise.all(results);
        note("groups", Promise.resolve([client.name, client.groups.join()].join(": ")));
        await calmly(async () => {
          await client.call("sum", []);
          await client.close();
          note("closed", client.call("sum", []));
          client = await connect();
        });
        note("again", Promise.resolve(client.resumed));
        break;
      case 14:
        // The browser says that the network is gone, and a moment later that it is back.
        dispatchEvent(new Event("offline"));
        await new Promise((resolve) => setTimeout(resolve, random(20)));
        dispatchEvent(new Event("online"));
        break;
      case 15:
        if (random(3) > 0) break;
        // The page goes into the back/forward cache, with nothing under way, and comes back.
        await Promise.all(results);
        await calmly(async () => {
          await client.call("sum", []);
          for (const type of ["pagehide", "pageshow"]) dispatchEvent(new PageTransitionEvent(type, { persisted: true }));
          await until(() => client.state === "connected");
          await client.call("sum", []);
        });
        if (!keepSession) anew++;
        note("back", Promise.resolve([client.name, client.groups.join()].join(": ")));
        break;
    }
  }
  await Promise.all(results);
  const last = await client.call("groups", "");
  await cut(false);
  await client.call("sum", []);
  await client.close();
  const plain = JSON.stringify({ handled, results: await Promise.all(results), last, groups: client.groups, name: client.name });
  return { seen: JSON.parse(plain.replaceAll(engine, "engine")), states, anew };
}

testOnce("the same random programs and cuts look the same with either", async (t) => {
  const server = await startServer(t);
  const ways = await Promise.all(["wasm", "js"].map(async (engine) => {
    const proxy = await startProxy(t, addressOf(server));
    const page = await openPage(t, proxy.url);
    const way = { engine, proxy, page, cuts: false };
    await page.exposeFunction("cut", async (on) => void (way.cuts = on));
    return way;
  }));
  const cutting = setInterval(() => {
    for (const { proxy, cuts } of ways) if (cuts && Math.random() < 0.2) proxy.cut();
  }, 15);
  t.after(() => clearInterval(cutting));
  let resumed = 0;
  for (let seed = 1; seed <= 16; seed++) {
    const seen = await Promise.all(ways.map(async ({ engine, page }) => {
      const { seen, states, anew } = await page.evaluate(program, { seed, steps: 80, engine });
      resumed += states.filter((state) => state === "resumed").length;
      assert.equal(states.filter((state) => state.startsWith("disconnected: ")).length, anew, `${engine}, seed ${seed}: ${states}`);
      return seen;
    }));
    assert.deepEqual(seen[1], seen[0], `seed ${seed}`);
  }
  assert.ok(resumed > 20, `${resumed} resumes`);
  for (const { page } of ways) assert.deepEqual(page.errors, []);
});

test("over a reload an engine goes on with what the other has left", async (t, engine) => {
  const { server, page } = await open(t);
  const other = engine === "js" ? "wasm" : "js";
  const connect = (engine) => page.evaluate(async (engine) => {
    window.got = [];
    window.client = await hisock.connect("/ws", {
      name: "ada", groups: ["room"], keepSession: "kept", engine, as: "text",
      on: { early: () => {}, "said to": (value, { replayed }) => got.push([value, replayed]), number: (n) => got.push(n) },
    });
    return [client.resumed, client.name, client.groups];
  }, engine);
  assert.deepEqual(await connect(engine), [false, "ada", ["room"]]);
  await page.evaluate(async () => {
    await client.rename("grace");
    await client.join("attic");
    client.send("say to", ["room", "1"]);
    await until(() => got.length === 1);
    await client.leave("room");
    client.call("wait", "").catch(() => {});
    await client.call("sum", [1]);
    // The page has no time to write the last message.
    addEventListener("pagehide", () => client.send("count", 7));
    client.send("count", 6);
  });
  await page.reload();
  await prepare(page);
  assert.deepEqual(await connect(other), [true, "grace", ["attic"]]);
  const watcher = await openPage(t, server.own);
  await watcher.evaluate(async () => {
    window.client = await hisock.connect("/ws");
    client.send("say to", ["room", "2"]);
  });
  const seen = await page.evaluate(async () => {
    await until(() => client.groups.includes("room"));
    await until(() => got.length > 0 && got.at(-1)[0] === "2");
    await until(async () => (await client.call("abandoned")) === "1");
    return [got, await client.call("counted", "grace")];
  });
  // The client asks for the groups of its options again. No message comes twice.
  assert.deepEqual(seen[0].map(([value]) => value), ["2"]);
  assert.equal(seen[1], "[6]");
  assert.deepEqual(await watcher.evaluate(async () => client.call("events", "grace")), ["suspend", "resume"]);
});

test("a page downloads the engine that it uses, and nothing of the other", async (t, engine) => {
  const { page } = await open(t, { importFrom: null });
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname.replace("/hisock/", "")));
  await prepare(page);
  const before = asked.splice(0);
  await page.evaluate(async () => (await hisock.connect("/ws")).close());
  assert.ok(before.includes("client.js") && !before.some((name) => /^(engine\/|program\/|instance|wasm_exec|hisock\.wasm)/.test(name)), before.join());
  const modules = async (dir) => (await readdir(join(root, "web", dir))).map((name) => `${dir}/${name}`);
  const want = engine === "js" ? await modules("engine") : ["instance.js", ...(await modules("program")), "wasm_exec.js", "hisock.wasm"];
  assert.deepEqual(asked.filter((name) => name !== "/ws").sort(), want.sort());
});

test("a module with one engine connects with it, and knows no other", async (t, engine) => {
  const { page } = await open(t, { importFrom: null });
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname.replace("/hisock/", "")));
  const other = engine === "js" ? "wasm" : "js";
  const refused = await page.evaluate(async ({ engine, other }) => {
    const { connect } = await import(`/hisock/${engine}.js`);
    const client = await connect("/ws");
    await client.close();
    return connect("/ws", { engine: other }).catch(String);
  }, { engine, other });
  assert.equal(refused, `TypeError: hisock: engine: must be "${engine}", not "${other}"`);
  assert.ok(!asked.some((name) => (engine === "js" ? /wasm|instance/ : /^engine\//).test(name)), asked.join());
});

testOnce("the first module of an engine, and of all, names those that the others import", async () => {
  // A browser then fetches all modules at once, and not one after the other.
  const web = join(root, "web");
  const imports = async (name) => [...(await readFile(join(web, name), "utf8")).matchAll(/^(?:import|export) (?:.* from )?"\.\/(.*)";$/gm)].map((m) => m[1]);
  const modulesOf = async (dir, ...not) => {
    return (await readdir(join(web, dir))).filter((name) => name.endsWith(".js") && !not.includes(name)).sort();
  };
  assert.deepEqual((await imports("engine/engine.js")).sort(), await modulesOf("engine", "engine.js"));
  const all = await modulesOf(".", "instance.js", "debug.js", "files.js", "hisock.js", "js.js", "wasm.js");
  for (const [entry, engine] of [["hisock.js"], ["js.js", "engine/engine.js"], ["wasm.js", "instance.js"]]) {
    assert.deepEqual((await imports(entry)).sort(), [...all, ...(engine ? [engine] : [])].sort());
  }
});
