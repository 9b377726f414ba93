// examples/files as users see it: a browser tab that sends files to the folder of a server and fetches files from it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { newFolder, startFiles, tabOf, textOf } from "./files.mjs";
import { openPage, test } from "./harness.mjs";
import { freeAddress, until } from "./programs.mjs";

const js = ["js"];
const MB = 1e6;
const hex = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A file to be sent, in a folder of its own. */
async function fileOf(name, size) {
  const path = join(await newFolder(), name);
  const content = randomBytes(size);
  await writeFile(path, content);
  return { path, content, sum: hex(content) };
}

/** A tab that has the page open. */
async function openTab(t, url) {
  const page = await openPage(t, url, { importFrom: null });
  return tabOf(page);
}

/**
 * A way to a server. The first connection over which more than so many bytes come in one direction is held there, until it is cut or
 * opened.
 */
async function startGate(t, url, way, most) {
  const to = new URL(url);
  const gate = { url: "", go: undefined };
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect({ host: to.hostname, port: Number(to.port) });
    for (const [from, other, counts] of [[near, far, way === "up"], [far, near, way === "down"]]) {
      let left = counts ? most : Infinity;
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => (sockets.delete(from), other.destroy()));
      from.on("data", (bytes) => {
        left -= bytes.length;
        if (left < 0 && !gate.go) {
          from.pause();
          gate.go = () => (other.write(bytes), from.resume());
        } else if (!other.write(bytes)) {
          from.pause();
          other.once("drain", () => from.resume());
        }
      });
    }
  });
  gate.cut = () => sockets.forEach((s) => s.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (gate.cut(), server.close()));
  gate.url = `http://127.0.0.1:${server.address().port}`;
  return gate;
}

const contentOf = (server, name) => readFile(join(server.dir, name));

test("a tab sends files and fetches them", async (t, engine) => {
  const server = await startFiles(t);
  const tab = await openTab(t, server.http);
  await tab.connected();
  const hasProgram = await tab.page.evaluate(() => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/hisock.wasm")));
  assert.equal(hasProgram, engine === "wasm");
  const file = await fileOf("holiday <b>2 & 3.mp4", 3 * MB + 17);
  const empty = await fileOf("nothing", 0);
  await tab.choose(file.path, empty.path);
  await tab.is("holiday", "done");
  await tab.is("nothing", "done");
  assert.ok((await contentOf(server, "holiday <b>2 & 3.mp4")).equals(file.content));
  assert.match(await textOf(tab.of("holiday")), new RegExp(`3.0 MB · sent · SHA-256 ${file.sum}`));
  await until("the folder is shown", async () => (await tab.folder.count()) === 2);
  assert.match(await textOf(tab.folder.first()), /^holiday <b>2 & 3\.mp4 ?3\.0 MB/);

  const download = tab.page.waitForEvent("download");
  await tab.press("Fetch", "holiday <b>2 & 3.mp4");
  const saved = await download;
  assert.ok((await readFile(await saved.path())).equals(file.content));
  await tab.page.locator('[data-way=down][data-state=done]').waitFor();
  assert.deepEqual([...tab.page.errors, ...tab.page.output], []);
});

const half = 0.4 * MB;

/** A server, a way to it that is held in the middle of a file, and a tab in which the file is under way. */
async function held(t, way, { http, more } = {}) {
  const server = await startFiles(t, { http, more });
  const file = await fileOf("film", 2 * half);
  if (way === "down") await writeFile(join(server.dir, "film"), file.content);
  const gate = await startGate(t, server.http, way, half);
  const tab = await openTab(t, gate.url);
  await tab.connected();
  if (way === "up") await tab.choose(file.path);
  else await tab.press("Fetch", "film");
  await until("half of the file has come", () => gate.go);
  /** Waits for the end, and looks at what has come. */
  const ends = async (how) => {
    await tab.is("film", "done");
    const text = await textOf(tab.of("film"));
    assert.match(text, how);
    assert.ok(text.includes(file.sum));
    if (way === "up") assert.ok((await contentOf(server, "film")).equals(file.content));
    const stored = () => tab.page.evaluate(async () => {
      const { StoredTarget } = await import("/hisock/files.js");
      const bytes = await (await new StoredTarget("film").file()).arrayBuffer();
      return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");
    });
    if (way === "down") assert.equal(await stored(), file.sum);
  };
  return { server, file, gate, tab, ends };
}

for (const way of ["up", "down"]) {
  test(`a file goes on over a cut, ${way}`, async (t) => {
    const { gate, tab, ends } = await held(t, way);
    gate.cut();
    await ends(/800\.0 kB · (sent|fetched) · SHA/);
    await tab.connected();
  }, js);

  test(`a file is paused and goes on, ${way}`, async (t) => {
    const { gate, tab, ends } = await held(t, way);
    await tab.reaches("film", 0.3);
    await tab.press("Pause", "film");
    await tab.is("film", "paused");
    assert.match(await textOf(tab.of("film")), /kB of 800\.0 kB · paused/);
    assert.equal(await tab.page.evaluate(() => document.activeElement.textContent), "Go on film", "the focus stays");
    gate.go();
    await tab.page.keyboard.press("Enter");
    await ends(/went on from [1-9][0-9.]+ [kM]B/);
  }, js);

  test(`a file goes on after a reload, ${way}`, async (t) => {
    const { file, tab, ends } = await held(t, way);
    await tab.reaches("film", 0.3);
    await tab.page.reload();
    if (way === "up") {
      assert.match(await textOf(tab.of("film")), /needs the file again/);
      await tab.connected();
      await tab.choose(file.path);
    }
    await ends(/went on from [1-9][0-9.]+ [kM]B/);
  }, js);

  test(`a file goes on after the server was killed, ${way}`, async (t) => {
    const address = await freeAddress();
    const { server, gate, tab, ends } = await held(t, way, { http: address });
    await tab.reaches("film", 0.3);
    server.child.kill("SIGKILL");
    await server.exited;
    gate.cut();
    await until("the tab has seen it", async () => /Coming back/.test(await tab.status.textContent()));
    await startFiles(t, { dir: server.dir, http: address });
    await ends(/went on from [1-9][0-9.]+ [kM]B/);
  }, js);
}

test("what does not work is said in plain words, and leaves nothing", async (t) => {
  const server = await startFiles(t, { more: ["-most", "1000"] });
  await writeFile(join(server.dir, "there"), "another content");
  const tab = await openTab(t, server.http);
  await tab.connected();
  const [there, big] = [await fileOf("there", 10), await fileOf("big", 1001)];
  await tab.choose(there.path, big.path);
  const alert = (name) => tab.of(name).getByRole("alert").textContent();
  await tab.is("there", "failed");
  await tab.is("big", "failed");
  assert.equal(await alert("there"), "There is another file of that name in the folder. Rename yours to send it.");
  assert.equal(await alert("big"), "The file is bigger than the server allows.");
  await rm(join(server.dir, "there"));
  await tab.press("Fetch", "there");
  const fetching = tab.transfers.and(tab.page.locator("[data-way=down]"));
  await fetching.and(tab.page.locator("[data-state=failed]")).waitFor();
  assert.equal(await fetching.getByRole("alert").textContent(), "There is no file of that name.");
  await tab.press("Try again", "big");
  await tab.is("big", "failed");
  for (let i = 0; i < 3; i++) await tab.page.getByRole("button", { name: "Cancel" }).first().press("Enter");
  assert.equal(await tab.transfers.count(), 0);
  assert.equal(await tab.page.evaluate(() => document.activeElement.id), "choose");
  assert.deepEqual(await readdir(server.dir), []);
  assert.deepEqual([...tab.page.errors, ...tab.page.output], []);
}, js);

test("files that are dropped are sent, and folders are not", async (t) => {
  const server = await startFiles(t);
  const tab = await openTab(t, server.http);
  await tab.connected();
  await tab.page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["dropped"], "dropped.txt"));
    document.body.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await tab.is("dropped.txt", "done");
  assert.equal(String(await contentOf(server, "dropped.txt")), "dropped");
}, js);
