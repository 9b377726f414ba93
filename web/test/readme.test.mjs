// The programs of the READMEs, as they are there.

import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { open as openServer, openPage, test as testEngine } from "./harness.mjs";
import { freeAddress, go, root, scratchFolder, start } from "./programs.mjs";

const dir = await scratchFolder("readme");

test("the README's page talks to the README's server", async (t) => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, server] = readme.match(/```go\n(.*?)```/s);
  const pages = await freeAddress();
  const source = server.replaceAll("127.0.0.1:6969", await freeAddress()).replaceAll("127.0.0.1:8080", pages);
  await writeFile(join(dir, "main.go"), source);
  const mod = (await readFile(join(root, "go.mod"), "utf8")).replace("module github.com/hisock/hisock", "module example.org/server");
  const uses = `\nrequire github.com/hisock/hisock v0.0.0\nreplace github.com/hisock/hisock => ${root}\n`;
  await writeFile(join(dir, "go.mod"), mod + uses);
  await copyFile(join(root, "go.sum"), join(dir, "go.sum"));
  await go(dir, "build", "-o", "server", ".");

  const running = start(t, join(dir, "server"), [], { cwd: dir });
  await running.says("serving");

  const open = async () => {
    const page = await openPage(t, `http://${pages}`, { importFrom: "" });
    await page.getByText("1 + 2 + 3 = 6").waitFor();
    return page;
  };
  const first = await open();
  await open();
  await first.getByText("grace: hello from the browser").waitFor();

  running.child.kill("SIGINT");
  assert.equal(await running.exited, 0);
});

/** The program of the package's README that has a text in it, as the body of a function: without imports and exports. */
async function program(text) {
  const readme = await readFile(join(root, "web/README.md"), "utf8");
  const found = [...readme.matchAll(/```jsx?\n(.*?)```/gs)].map(([, code]) => code).filter((code) => code.includes(text));
  assert.equal(found.length, 1, text);
  return found[0].replace(/^import .*$/gm, "").replace(/^export /gm, "");
}

testEngine("what the package's README says instead of Socket.IO runs", async (t) => {
  const { page } = await openServer(t);
  const got = await page.evaluate(async (code) => {
    const shown = collect();
    const run = new Function("connect", "token", "status", "show", "ask", `return (async () => {${code}; return client; })()`);
    const connect = (url, options) => hisock.connect(new URL(url).pathname, options);
    const client = await run(connect, () => "token", (text) => shown.push(text), (text) => shown.push(text), () => true);
    await shown.wait(3);
    const answer = await client.call("ask", ["confirm", "sure?"], { as: "text" });
    return [[...shown], answer];
  }, await program('await connect("https://example.org/ws"'));
  assert.deepEqual(got[0].sort(), [6, ": hello", "online"]);
  assert.equal(got[1], "answer: true");
}, ["js"]);

testEngine("the package's README has a hook for React and a store for Svelte", async (t) => {
  const { page } = await openServer(t);
  const got = await page.evaluate(async ({ hooks, store }) => {
    // As much of React as the hooks need.
    const slots = [];
    let at = 0;
    let effects = [];
    const useState = (first) => {
      const i = at++;
      slots[i] ??= { value: first };
      const set = (value) => {
        slots[i].value = typeof value === "function" ? value(slots[i].value) : value;
        queueMicrotask(render);
      };
      return [slots[i].value, set];
    };
    const useEffect = (effect, deps) => {
      const i = at++;
      const old = slots[i];
      if (old && deps.every((dep, n) => dep === old.deps[n])) return;
      slots[i] = { deps };
      effects.push(() => {
        old?.undo?.();
        slots[i].undo = effect();
      });
    };
    const { useClient, useCommand } = new Function("connect", "useState", "useEffect", `${hooks}; return { useClient, useCommand };`)(
      hisock.connect, useState, useEffect,
    );
    let shown;
    const render = () => {
      at = 0;
      const client = useClient("/ws");
      shown = { client, n: useCommand(client, "n", -1) };
      for (const effect of effects.splice(0)) effect();
    };
    render();
    const before = shown;
    await until(() => shown.client);
    const { client } = shown;
    client.send("flood", 3);
    await until(() => shown.n === 2);
    for (const { undo } of slots) undo?.();
    await client.closed;

    const other = await hisock.connect("/ws", { as: "number" });
    const { latest } = new Function("client", `${store}; return { latest };`)(other);
    const values = collect();
    const unsubscribe = latest(other, "reflected", 0).subscribe((value) => values.push(value));
    other.send("reflect", 1);
    await values.wait(2);
    unsubscribe();
    other.send("reflect", 2);
    await other.call("sum", []);
    return { before, state: client.state, values: [...values] };
  }, { hooks: await program("useClient"), store: await program("const latest") });
  assert.deepEqual(got, { before: { client: null, n: -1 }, state: "disconnected", values: [0, 1] });
}, ["js"]);
