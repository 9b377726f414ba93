// Go programs in tests: their folders, their processes and their ports.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** This repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The longest wait for an event that must come, in milliseconds. */
export const patience = 20_000;

/** A folder that is removed when the tests of a file are over. */
export async function scratchFolder(name) {
  const dir = await mkdtemp(join(tmpdir(), `hisock-${name}-`));
  after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs a program in a folder, to its end. */
export const run = (cwd, program, ...args) => promisify(execFile)(program, args, { cwd });

/** Runs the go command in a folder. */
export const go = (cwd, ...args) => run(cwd, "go", ...args);

/** Builds the server of the browser tests and the bundle into a folder. */
export async function build(dir) {
  const web = join(root, "web");
  await Promise.all([go(web, "build", "-o", join(dir, "testserver"), "./internal/testserver"), go(web, "run", "./bundle", join(dir, "bundle"))]);
}

/** Waits until fn returns something true, and returns that. */
export async function until(what, fn) {
  for (const end = Date.now() + patience; Date.now() < end; await new Promise((r) => setTimeout(r, 10))) {
    const got = await fn();
    if (got) return got;
  }
  assert.fail(`never happened: ${what}`);
}

/**
* Starts a program. It ends when the test ends, or before. Its output is in out and err, and
 * both together are in said. exited resolves to its exit code.
 */
export function start(t, program, args = [], { cwd = root } = {}) {
  const child = spawn(program, args, { cwd });
  const exited = once(child, "exit").then(([code]) => code);
  const process = { child, exited, out: "", err: "", said: "" };
  for (const stream of /** @type {const} */ (["out", "err"])) {
    child[`std${stream}`].setEncoding("utf8").on("data", (text) => {
      process[stream] += text;
      process.said += text;
    });
  }
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  /** Waits until the program has written text. */
  process.says = (text) => until(`${program} says ${text}`, () => process.said.includes(text));
  return process;
}

/**
* Returns an address whose port is free at this moment. The port is below the ports that systems give to outgoing
 * connections, because such a port may be in use again before the program listens on it.
 */
export async function freeAddress() {
  for (;;) {
    const server = createServer();
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const bound = await new Promise((resolve) => server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)));
    if (!bound) continue;
    await new Promise((resolve) => server.close(resolve));
    return `127.0.0.1:${port}`;
  }
}
