// Package ws against npm's ws, in both roles, without a browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { go, root, scratchFolder } from "./programs.mjs";

const program = join(await scratchFolder("peers"), "testpeer");
await go(join(root, "web"), "build", "-o", program, "./internal/testpeer");

/** The sockets of a test. The program ends only when they are closed. */
const open = new Set();

/** Starts the program. lines are the lines that it prints, exit is its exit code. */
function start(t, ...args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(child, "exit").then(([code]) => code);
  t.after(async () => {
    open.forEach((socket) => socket.terminate());
    open.clear();
    child.stdin.end();
    assert.equal(await exit, 0, "testpeer's exit code");
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { line: async () => (await lines.next()).value, exit };
}

const sizes = [1, 125, 126, 1000, 65535, 65536, 150_000];

/**
 * Sends random messages in random fragments, with pings between, and waits for the same
* bytes to come back. If several pings come while the other side writes, it may answer
 * only the latest (RFC 6455, section 5.5.3).
 */
async function exchange(socket, messages) {
  const got = [];
  let gotBytes = 0;
  let wanted = Infinity;
  let resolve;
  const all = new Promise((f) => (resolve = f));
  const look = () => gotBytes >= wanted && resolve();
  socket.on("message", (data, isBinary) => {
    assert.equal(isBinary, true);
    got.push(data);
    gotBytes += data.length;
    look();
  });
  const pings = [];
  const pongs = [];
  socket.on("pong", (data) => pongs.push(data.toString()));

  for (const message of messages) {
    for (let at = 0; at < message.length; ) {
      const end = randomInt(3) === 0 ? message.length : at + 1 + randomInt(message.length - at);
      if (randomInt(4) === 0) {
        pings.push(String(pings.length).padStart(randomInt(126), "0"));
        socket.ping(pings.at(-1));
      }
      socket.send(message.subarray(at, end), { binary: true, fin: end === message.length });
      at = end;
    }
    if (randomInt(5) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const want = Buffer.concat(messages);
  wanted = want.length;
  look();
  await all;
  assert.ok(want.equals(Buffer.concat(got)), "what came back is not what was sent");

  pings.push("the last");
  socket.ping("the last");
  while (pongs.at(-1) !== "the last") await once(socket, "pong");
  let at = 0;
  for (const pong of pongs) {
    at = pings.indexOf(pong, at) + 1;
    assert.notEqual(at, 0, "a pong that answers no ping, or is late");
  }
}

const randomMessages = () => Array.from({ length: 80 }, () => randomBytes(sizes[randomInt(sizes.length)]));

/** Messages that compress well, and some that do not. */
const texts = () =>
  Array.from({ length: 80 }, () => {
    if (randomInt(10) === 0) return randomBytes(2000);
    const size = sizes[randomInt(sizes.length)];
    let text = "";
    while (text.length < size) text += JSON.stringify({ id: randomInt(1e6), from: "somebody", text: "good morning" });
    return Buffer.from(text + ".");
  });

async function connect(url, options) {
  const socket = new WebSocket(url, options);
  open.add(socket);
  await once(socket, "open");
  if (!options) assert.equal(socket.extensions, "", "compression is not agreed on");
  return socket;
}

/** Sends texts there and back, and checks that a third of their bytes at most are on the network in each direction. */
async function exchangeCompressed(socket) {
  const messages = texts();
  assert.match(socket.extensions, /^permessage-deflate/);
  const size = Buffer.concat(messages).length;
  const { bytesRead, bytesWritten } = socket._socket;
  await exchange(socket, messages);
  assert.ok(socket._socket.bytesRead - bytesRead < size / 3, `${socket._socket.bytesRead - bytesRead} of ${size} bytes read`);
  assert.ok(socket._socket.bytesWritten - bytesWritten < size / 3, `${socket._socket.bytesWritten - bytesWritten} of ${size} bytes written`);
}

/** Ways in which the npm package compresses. */
const compressions = {
  "as it is": { threshold: 100 },
  "without takeover": { threshold: 100, clientNoContextTakeover: true, serverNoContextTakeover: true },
  "with the smallest window of its own": { threshold: 100, clientMaxWindowBits: 9 },
};

for (const [name, perMessageDeflate] of Object.entries(compressions)) {
  test(`npm's client that compresses, ${name}`, async (t) => {
    const socket = await connect(await start(t, "-compress").line(), { perMessageDeflate });
    await exchangeCompressed(socket);
    socket.close(1000, "that is all");
    assert.deepEqual(await closed(socket), { code: 1000, reason: "that is all" });
  });
}

test("npm's client that asks for a small window of ours", async (t) => {
  const socket = await connect(await start(t, "-compress").line(), { perMessageDeflate: { serverMaxWindowBits: 10 } });
  assert.equal(socket.extensions, "", "the offer is declined");
  await exchange(socket, texts());
  socket.close(1000, "that is all");
  assert.deepEqual(await closed(socket), { code: 1000, reason: "that is all" });
});

async function closed(socket) {
  const [code, reason] = await once(socket, "close");
  return { code, reason: reason.toString() };
}

test("npm's client, which ends", async (t) => {
  const socket = await connect(await start(t).line());
  await exchange(socket, randomMessages());
  socket.close(1000, "that is all");
  assert.deepEqual(await closed(socket), { code: 1000, reason: "that is all" });
});

test("npm's client, and we end", async (t) => {
  const messages = randomMessages();
  const enough = Buffer.concat(messages).length + 3;
  const socket = await connect(`${await start(t).line()}/?enough=${enough}`);
  await exchange(socket, messages);
  socket.send(Buffer.from("end"));
  assert.deepEqual(await closed(socket), { code: 1000, reason: "" });
});

test("npm's client, with text", async (t) => {
  const socket = await connect(await start(t).line());
  socket.send("text");
  assert.deepEqual(await closed(socket), { code: 1003, reason: "only binary messages are understood" });
});

/** A server of the npm package to which the Go program has connected. */
async function accept(t, perMessageDeflate = false) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
  t.after(() => server.close());
  await once(server, "listening");
  const program = start(t, ...(perMessageDeflate ? ["-compress"] : []), `ws://127.0.0.1:${server.address().port}/`);
  const [socket] = await once(server, "connection");
  open.add(socket);
  return { socket, program };
}

for (const [code, end] of [[1000, "EOF"], [4321, 'ws: closed by the peer with code 4321: "that is all"']]) {
  test(`npm's server, which ends with ${code}`, async (t) => {
    const { socket, program } = await accept(t);
    await exchange(socket, randomMessages());
    socket.close(code, "that is all");
    assert.deepEqual(await closed(socket), { code, reason: "that is all" });
    assert.equal(await program.line(), end);
    assert.equal(await program.exit, 0);
  });
}

test("npm's server, with text", async (t) => {
  const { socket, program } = await accept(t);
  socket.send("text");
  assert.deepEqual(await closed(socket), { code: 1003, reason: "only binary messages are understood" });
  assert.match(await program.line(), /text message/);
});

for (const [name, perMessageDeflate] of [["as it is", { threshold: 100 }], ["with a small window", { threshold: 100, serverMaxWindowBits: 9 }]]) {
  test(`npm's server that compresses, ${name}`, async (t) => {
    const { socket, program } = await accept(t, perMessageDeflate);
    await exchangeCompressed(socket);
    socket.close(1000, "that is all");
    assert.deepEqual(await closed(socket), { code: 1000, reason: "that is all" });
    assert.equal(await program.line(), "EOF");
    assert.equal(await program.exit, 0);
  });
}
