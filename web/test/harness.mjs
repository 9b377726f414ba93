// Shared parts of the browser tests: the server, the browser, and a page for each test.
//
// run.mjs builds the server's program and the bundle once for all files. A file that runs alone builds them itself.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { after, test as testOnce } from "node:test";
import { chromium } from "playwright-core";
import { build, scratchFolder } from "./programs.mjs";

const executable = process.env.CHROMIUM || "/usr/bin/chromium";
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The folder of the built program and bundle, which no test may change. */
let built = process.env.HISOCK_BUILT;
if (!built) await build((built = await scratchFolder("browser")));
export const bundle = join(built, "bundle");
const program = join(built, "testserver");

/** @type {import("playwright-core").Browser | undefined} */
let browser;
after(() => browser?.close());

await access(executable, constants.X_OK).catch(() => {
  throw new Error(`no browser at ${executable}: install Debian's package chromium, or set CHROMIUM`);
});
/** Starts a browser. Playwright gives it flags of its own, but for those that are in without. */
const launch = (without = []) => chromium.launch({ executablePath: executable, headless: true, args: flags, ignoreDefaultArgs: without });
browser = await launch();

/** Starts a browser that keeps pages which are left, until the test ends. */
export async function cachingBrowser(t) {
  const caching = await launch(["--disable-back-forward-cache"]);
  t.after(() => caching.close());
  return caching;
}

/** The engines that tests run with: all, or those that HISOCK_ENGINE names. */
export const engines = (process.env.HISOCK_ENGINE ?? "wasm js").split(" ");

/** The engine of each test. @type {WeakMap<object, string>} */
const engineOf = new WeakMap();

/** Runs a test of node:test once for each engine. Pages that the test opens connect with that engine. */
export function test(name, fn, only = engines) {
  for (const engine of engines.filter((e) => only.includes(e))) {
    testOnce(`${name} (${engine})`, (t) => {
      engineOf.set(t, engine);
      return fn(t, engine);
    });
  }
}

/** Runs a test for the Go program only. */
test.wasm = (name, fn) => test(name, fn, ["wasm"]);

/** Starts a server that ends with the test. stop ends it earlier, with a goodbye. */
export async function startServer(t, ...args) {
  const child = spawn(program, [bundle, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let stopped;
  const stop = () => (stopped ??= (child.stdin.end(), exited.then(([code]) => assert.equal(code, 0, "testserver's exit code"))));
  const kill = async () => {
    stopped ??= exited;
    child.kill("SIGKILL");
    await exited;
  };
  t.after(stop);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await Promise.race([lines.next(), exited.then(() => ({ done: true }))]);
  assert.ok(!first.done, "testserver did not start");
  return { ...JSON.parse(first.value), stop, kill };
}

/**
* Opens a page in a new browser context, and imports hisock.js as window.hisock for the
 * test. Uncaught errors and console output of the page are collected.
 */
export async function openPage(t, url, { path = "/", importFrom = "/hisock/hisock.js", from = browser } = {}) {
  const context = await from.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const errors = [];
  const output = [];
  page.on("pageerror", (err) => errors.push(err));
  page.on("console", (message) => output.push(message.text()));
  Object.assign(page, { errors, output, engine: engineOf.get(t) ?? "wasm" });
  // A page that imports hisock.js itself may read the engine from its address.
  await page.goto(url + path + (!importFrom && path === "/" ? `?engine=${page.engine}` : ""));
  if (importFrom) await prepare(page, importFrom);
  return page;
}

/** Opens a page in a browser of its own, whose storage is in that folder. The storage of other pages is in memory. */
export async function openProfile(t, dir) {
  const context = await chromium.launchPersistentContext(dir, { executablePath: executable, headless: true, args: flags });
  t.after(() => context.close());
  return context.newPage();
}

/** Imports hisock.js and the helpers of the tests into a page, again after each reload. */
export async function prepare(page, importFrom = "/hisock/hisock.js") {
  await page.evaluate(async ({ from, engine }) => {
    const module = await import(from);
    // Invalid options are passed on to the module.
    const isPlain = (value) => value === undefined || (typeof value === "object" && value !== null);
    const connect = (url, options) => module.connect(url, isPlain(options) ? { engine, ...options } : options);
    window.hisock = { ...module, connect };
    // Runs fn and returns its error.
    window.failure = async (fn) => {
      try {
        await fn();
      } catch (err) {
        const { name, code, message, remote } = err;
        return { name, code, message, remote, typed: err instanceof hisock.HisockError };
      }
      return "did not fail";
    };
    // Waits for a condition by polling.
    window.until = async (condition) => {
      while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    // A list, with a promise that resolves when it has a number of items.
    window.collect = () => {
      const list = [];
      list.wait = async (n) => {
        await until(() => list.length >= n);
        return [...list];
      };
      return list;
    };
  }, { from: importFrom, engine: page.engine ?? "wasm" });
}

/** A server and a page of it. */
export async function open(t, options) {
  const server = await startServer(t);
  return { server, page: await openPage(t, server.own, options) };
}

/**
 * A proxy to the server whose connections can be cut. It refuses connections while open is false. While mute is set it
 * takes everything and passes on nothing, as a network that is gone does.
 */
export async function startProxy(t, to) {
  const proxy = { to, open: true, mute: false, made: 0, url: "", cut: () => {} };
  const sockets = new Set();
  const server = createServer((near) => {
    if (!proxy.open) {
      near.destroy();
      return;
    }
    proxy.made++;
    const add = (socket, other) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => (sockets.delete(socket), other()?.destroy()));
    };
    let far;
    const begin = () => {
      far = connect(proxy.to);
      add(far, () => near);
      far.on("data", (bytes) => proxy.mute || near.write(bytes));
      far.on("end", () => proxy.mute || near.end());
    };
    add(near, () => far);
    if (!proxy.mute) begin();
    near.on("data", (bytes) => {
      if (proxy.mute) return;
      if (!far) begin(); // a browser may use a connection for another request than the one it was made for
      far.write(bytes);
    });
    near.on("end", () => proxy.mute || far?.end());
  });
  proxy.cut = () => sockets.forEach((s) => s.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (proxy.cut(), server.close()));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  return proxy;
}

/** @param {{ ws: string }} server */
export function addressOf(server) {
  const { hostname: host, port } = new URL(server.ws);
  return { host, port: Number(port) };
}
