// 1 GiB through Chromium: how long it takes, and how much memory. make soak runs it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { newFolder, startFiles, tabOf, textOf } from "./files.mjs";
import { openProfile } from "./harness.mjs";

/** How much memory of their own the processes of a browser and of a server take, in MiB, by what they are. Linux says it. */
async function memoryOf(dir, server) {
  const sizes = {};
  for (const pid of await readdir("/proc")) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const isServer = Number(pid) === server.child.pid;
    if (!isServer && !line.includes(`--user-data-dir=${dir}`)) continue;
    const [, anonymous] = (await readFile(`/proc/${pid}/status`, "utf8").catch(() => "")).match(/RssAnon:\s+(\d+)/) ?? [];
    if (!anonymous) continue; // it has ended
    const kind = isServer ? "server" : (line.match(/--type=([a-z]+)/)?.[1] ?? "browser");
    sizes[kind] = Math.max(sizes[kind] ?? 0, Math.round(anonymous / 1024));
  }
  return sizes;
}

test("a gigabyte both ways, in flat memory", async (t) => {
  const size = 2 ** 30;
  const server = await startFiles(t);
  const source = join(await newFolder(), "gigabyte");
  const hash = createHash("sha256");
  const out = createWriteStream(source);
  for (let at = 0; at < size; at += 2 ** 22) {
    const bytes = randomBytes(2 ** 22);
    hash.update(bytes);
    if (!out.write(bytes)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
  const sum = hash.digest("hex");

  const dir = await newFolder();
  const page = await openProfile(t, dir);
  await page.goto(server.http);
  const tab = tabOf(page);
  await tab.connected();
  // The page's longest wait for its turn, in milliseconds.
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    setInterval(() => {
      window.longest = Math.max(window.longest, performance.now() - last - 20);
      last = performance.now();
    }, 20);
  });
  const idle = await memoryOf(dir, server);
  const most = { ...idle };
  const watch = setInterval(async () => {
    for (const [kind, mib] of Object.entries(await memoryOf(dir, server))) most[kind] = Math.max(most[kind] ?? 0, mib);
  }, 250);
  t.after(() => clearInterval(watch));
  const timed = async (way, begin) => {
    const at = Date.now();
    await page.evaluate(() => (window.longest = 0));
    await begin();
    await page.locator(`[data-way=${way}][data-state=done]`).waitFor({ timeout: 0 });
    const seconds = (Date.now() - at) / 1000;
    assert.match(await textOf(page.locator(`[data-way=${way}]`)), new RegExp(sum));
    return `${way} in ${seconds.toFixed(1)} s, with waits of ${Math.round(await page.evaluate(() => window.longest))} ms at most`;
  };
  const up = await timed("up", () => tab.choose(source));
  const down = await timed("down", () => tab.press("Fetch", "gigabyte"));
  clearInterval(watch);
  t.diagnostic(`soak: 1 GiB ${up}; ${down}; MiB of memory when idle ${JSON.stringify(idle)}, and at most ${JSON.stringify(most)}`);
  for (const kind of ["renderer", "server"]) assert.ok(most[kind] - idle[kind] < 150, `the ${kind} took ${idle[kind]} MiB and then ${most[kind]} MiB`);
});
