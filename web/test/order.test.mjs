// What a page is told, and whatever it waits for, comes in one order, however few of the client's jobs fit into a task.

import assert from "node:assert/strict";
import { test as testOnce } from "node:test";
import { Client } from "../client.js";
import { HisockError } from "../errors.js";
import { readOptions } from "../options.js";
import { openPage, startServer, test } from "./harness.mjs";
import { until } from "./programs.mjs";

/** Lets 10 ms pass whenever the queue of a client looks at the clock: so each of its jobs has a task of its own. */
function slowDown() {
  const { now } = performance;
  let late = 0;
  performance.now = () => {
    const caller = new Error().stack.split("\n")[2];
    return now.call(performance) + (caller?.includes("/jobs.js") ? (late += 10) : 0);
  };
}

async function openSlow(t, mode) {
  const server = await startServer(t, ...mode);
  const page = await openPage(t, server.own);
  await page.evaluate(`(${slowDown})()`);
  return page;
}

test("connect and close resolve behind all states before them", async (t) => {
  const page = await openSlow(t, ["auth"]);
  const got = await page.evaluate(async () => {
    const told = [];
    let asked = 0;
    const onState = (state, why) => told.push(`${state} ${why?.code}`);
    const client = await hisock.connect("/ws", {
      retry: { min: 5, max: 10 }, onState,
      auth: () => {
        if (++asked < 3) throw new TypeError("Failed to fetch");
        return "token";
      },
    });
    const connected = told.splice(0);
    await client.close();
    const closed = told.splice(0);
    const { code } = await failure(() => hisock.connect("/ws", { onState, auth: () => "who knows" }));
    return { connected, closed, refused: [code, ...told] };
  });
  assert.deepEqual(got, {
    connected: ["connecting unavailable", "connecting unavailable"],
    closed: ["connected undefined", "disconnected undefined"],
    refused: ["unauthorized", "disconnected unauthorized"],
  });
});

test("whoever waits learns of the end behind the page's handlers", async (t) => {
  const page = await openSlow(t, []);
  const got = await page.evaluate(async () => {
    const seen = collect();
    const note = (what, promise) => promise.catch((err) => seen.push(`${what} ${err.code}`));
    const connect = () => hisock.connect("/ws", { onState: (state) => seen.push(state), on: { early: () => {} } });
    const client = await connect();
    note("command", client.waitFor("never"));
    note("raw", client.recvRaw());
    note("iterator", client.commands("never").next());
    client.send("kick me");
    seen.push(`closed ${(await client.closed).code}`);
    const kicked = (await seen.wait(6)).slice(0, 2);
    const last = seen.splice(0).slice(2).sort();
    const left = await connect();
    await left.call("sum", []);
    note("call", left.call("wait", ""));
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    await seen.wait(3);
    await left.close();
    return { kicked, last, left: [...seen] };
  });
  assert.deepEqual(got, {
    kicked: ["connected", "disconnected"],
    last: ["closed 1001", "command 1001", "iterator 1001", "raw 1001"],
    left: ["connected", "reconnecting", "call conn_lost", "disconnected"],
  });
});

slowDown();

/** Opens a client of an engine that does what the test lets it do. */
function openClient(t, options = {}, signal = new AbortController().signal) {
  const listeners = {};
  globalThis.addEventListener = (type, fn) => void (listeners[type] = fn);
  t.after(() => delete globalThis.addEventListener);
  const engine = { sink: undefined, name: "ada", native: undefined };
  const nothing = () => {};
  const native = {
    name: () => engine.name, groups: () => [], refusedGroups: () => [], sessionBytes: () => 1, detach: nothing,
    begin: nothing, call: nothing, change: nothing, cancel: nothing, close: nothing,
  };
  engine.native = native;
  const inst = {
    native: { connect: (_, sink) => ((engine.sink = sink), native), checkCommand: nothing },
    ended: undefined, onEnd: () => nothing,
  };
  const seen = [];
  const read = readOptions("ws://localhost/", { as: "text", onState: (state, why) => seen.push(why ? `${state} ${why.code}` : state), ...options }, ["js"]);
  const opened = Client.open(inst, read, signal);
  return { engine, seen, opened, listeners };
}

const bytes = (text) => new TextEncoder().encode(text);
const connected = 1;
const disconnected = 2;
const connecting = 5;

testOnce("the outcome of connect comes behind the attempts that failed", async (t) => {
  const failed = new HisockError("unavailable", "not yet");
  const { engine, seen, opened } = openClient(t);
  for (let i = 0; i < 3; i++) engine.sink.state(connecting, "", failed);
  engine.sink.state(connected, "ada", undefined);
  await opened;
  assert.deepEqual(seen, Array(3).fill("connecting unavailable"));

  const other = openClient(t);
  other.engine.sink.state(connecting, "", failed);
  other.engine.sink.state(disconnected, "", new HisockError("unauthorized", "never"));
  other.engine.sink.ended(new HisockError("unauthorized", "never"));
  await assert.rejects(other.opened, { code: "unauthorized" });
  assert.deepEqual(other.seen, ["connecting unavailable", "disconnected unauthorized"]);
});

testOnce("a client that ends as it connects, and one that is given up then", async (t) => {
  const { engine, seen, opened } = openClient(t);
  engine.sink.state(connecting, "", new HisockError("unavailable", "not yet"));
  engine.sink.state(connected, "ada", undefined);
  engine.sink.ended(undefined);
  const client = await opened;
  assert.equal(await client.closed, null);
  assert.deepEqual(seen, ["connecting unavailable", "connected", "disconnected"]);

  const enough = new AbortController();
  const other = openClient(t, {}, enough.signal);
  other.engine.sink.state(connected, "ada", undefined);
  enough.abort(new Error("enough"));
  other.engine.sink.ended(undefined);
  await assert.rejects(other.opened, /enough/);
  await until("the end is told", () => other.seen.includes("disconnected"));
});

testOnce("renames that arrive together are seen one after the other", async (t) => {
  const { engine, seen, opened } = openClient(t, { onRename: (old, name) => seen.push(`${old} is ${name}, and is called ${client.name}`) });
  engine.sink.state(connected, "ada", undefined);
  const client = await opened;
  const renamed = ["bob", "eve"].map((name) => client.rename(name).then(() => seen.push(`has ${client.name}`)));
  engine.name = "eve";
  for (const [id, old, name] of [[1, "ada", "bob"], [2, "bob", "eve"]]) {
    engine.sink.changed("rename", old, name);
    engine.sink.settled(id, undefined, bytes(""));
  }
  await Promise.all(renamed);
  assert.deepEqual(seen, ["connected", "ada is bob, and is called bob", "has bob", "bob is eve, and is called eve", "has eve"]);
});

testOnce("an answer that came before the page was left is not lost, and calls of its return are their own", async (t) => {
  const { engine, seen, opened, listeners } = openClient(t);
  engine.sink.state(connected, "ada", undefined);
  const client = await opened;
  const note = (what, promise) => promise.then((text) => seen.push(`${what} ${text}`), (err) => seen.push(`${what} ${err.code}`));
  const first = note("first", client.call("greet"));
  const second = note("second", client.call("greet"));
  let third;
  client.on("leave", () => {
    listeners.pagehide({ persisted: true });
    listeners.pageshow({});
    third = note("third", client.call("greet"));
    engine.sink.settled(3, undefined, bytes("welcome back"));
  });
  engine.sink.command("leave", bytes(""), false);
  engine.sink.settled(1, undefined, bytes("hello"));
  await Promise.all([first, second]);
  await third;
  assert.deepEqual(seen, ["connected", "first hello", "reconnecting conn_lost", "second conn_lost", "third welcome back"]);
});

testOnce("messages that came before the end are handled before it", async (t) => {
  const { engine, seen, opened } = openClient(t, { onRaw: undefined });
  engine.sink.state(connected, "ada", undefined);
  const client = await opened;
  client.once("one", (text) => seen.push(`one ${text}`));
  const waited = client.waitFor("two").then((text) => seen.push(`two ${text}`));
  const iterated = (async () => {
    try {
      for await (const text of client.commands("one")) seen.push(`iterated ${text}`);
    } catch (err) {
      seen.push(`iterated ${err.code}`);
    }
  })();
  const raw = client.recvRaw().then((b) => seen.push(`raw ${b.length}`));
  for (const text of ["a", "b"]) engine.sink.command("one", bytes(text), false);
  engine.sink.command("two", bytes("c"), false);
  engine.sink.raw(bytes("d"), false);
  const why = new HisockError("shutdown", "the end", { remote: true });
  engine.sink.state(disconnected, "ada", why);
  engine.sink.ended(why);
  await client.closed;
  await Promise.all([waited, iterated, raw]);
  const at = (what) => seen.indexOf(what);
  assert.deepEqual(seen.toSorted(), [
    "connected", "disconnected shutdown", "iterated a", "iterated b", "iterated shutdown", "one a", "raw 1", "two c",
  ]);
  for (const before of ["one a", "iterated a", "iterated b", "two c", "raw 1"]) assert.ok(at(before) < at("disconnected shutdown"), before);
  assert.ok(at("iterated shutdown") > at("disconnected shutdown"));
});

/** Lets the tasks run that are due, and those that they begin. */
async function tasks() {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** Gives the engine's client what it needs to be asked by a server; answers are noted as "answered 1 text". */
function answering(client) {
  const answers = [];
  Object.assign(client.engine.native, {
    handle: () => {}, setHandler: () => {},
    answer: (id, payload) => answers.push(`answered ${id} ${new TextDecoder().decode(payload)}`),
    refuse: (id) => answers.push(`refused ${id}`),
  });
  return answers;
}

testOnce("a handler or auth that is late answers no call of the next client", async (t) => {
  const auths = [];
  const opening = openClient(t, { auth: (signal) => new Promise((resolve) => auths.push({ signal, resolve })) });
  const { engine, opened, listeners } = opening;
  const answers = answering(opening);
  engine.sink.state(connected, "ada", undefined);
  const client = await opened;
  const late = [];
  client.handle("ask", (text) => (text === "old" ? new Promise((resolve) => late.push(resolve)) : `to ${text}`), { as: "text" });
  engine.sink.called(1, "ask", bytes("old"));
  await until("its handler runs", () => late.length === 1);
  engine.sink.auth(2);
  await until("auth is asked for", () => auths.length === 1);
  listeners.pagehide({ persisted: true });
  listeners.pageshow({});
  let fresh;
  client.handle("later", () => new Promise((resolve) => (fresh = resolve)), { as: "text" });
  engine.sink.called(1, "later", bytes(""));
  engine.sink.called(2, "later", bytes(""));
  await until("its handler runs", () => fresh);
  engine.sink.auth(2);
  await until("auth is asked for again", () => auths.length === 2);
  late[0]("secret of the old call");
  auths[0].resolve("secret");
  await tasks();
  assert.deepEqual(answers, []);
  fresh("fresh");
  await until("it is answered", () => answers.length === 1);
  assert.deepEqual(answers, ["answered 2 fresh"]);
  engine.sink.cancelled(2); // the auth of the next client
  assert.deepEqual(auths.map(({ signal }) => signal.aborted), [false, true]);
});

testOnce("a call that was given up before its handler began has none", async (t) => {
  const opening = openClient(t);
  const { engine, opened } = opening;
  const answers = answering(opening);
  engine.sink.state(connected, "ada", undefined);
  const client = await opened;
  const ran = [];
  client.handle("ask", (text) => void ran.push(text), { as: "text" });
  engine.sink.called(1, "ask", bytes("too late"));
  engine.sink.state(disconnected, "ada", new HisockError("conn_lost", "gone"));
  engine.sink.state(connected, "ada", undefined);
  engine.sink.called(2, "ask", bytes("in time"));
  await until("a call is answered", () => answers.length > 0);
  assert.deepEqual(ran, ["in time"]);
});

for (const how of ["cancelled", "lost"]) testOnce(`all who drain are told, also behind a call that was ${how}`, async (t) => {
  const opening = openClient(t);
  const { engine, opened } = opening;
  answering(opening);
  engine.native.close = () => engine.sink.ended(undefined);
  engine.sink.state(connected, "ada", undefined);
  const client = await opened;
  let runs = false;
  client.handle("ask", () => ((runs = true), new Promise(() => {})), { as: "text" });
  engine.sink.called(1, "ask", bytes(""));
  await until("its handler runs", () => runs);
  let told = 0;
  for (const drained of [client.drain(), client.drain()]) drained.then(() => told++);
  if (how === "cancelled") engine.sink.cancelled(1);
  else engine.sink.state(disconnected, "ada", new HisockError("conn_lost", "gone"));
  await until("both are told", () => told === 2);
});

testOnce("a page that is left as it connects begins all the same", async (t) => {
  const missed = [];
  const { engine, opened, listeners } = openClient(t, { onMissed: (n) => missed.push(n) });
  engine.sink.state(connected, "ada", undefined);
  engine.sink.missed(2);
  await opened;
  listeners.pagehide({ persisted: true });
  await tasks(); // the client begins while there is none in the engine
  listeners.pageshow({});
  engine.sink.state(connected, "ada", undefined);
  await until("what was missed is told", () => missed.length > 0);
  engine.sink.missed(3);
  await until("it is told again", () => missed.length > 1);
  assert.deepEqual(missed, [2, 3]);
});
