// The README's page with the README's server, both unchanged.

import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openPage } from "./harness.mjs";
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
