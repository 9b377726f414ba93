// The README's page, against the README's server, both as they stand there.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freeAddress, openPage } from "./harness.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

test("the README's page talks to the README's server", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "hisock-readme-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, go] = readme.match(/```go\n(.*?)```/s);
  const pages = await freeAddress();
  const source = go.replaceAll("127.0.0.1:6969", await freeAddress()).replaceAll("127.0.0.1:8080", pages);
  await writeFile(join(dir, "main.go"), source);
  const mod = (await readFile(join(root, "go.mod"), "utf8")).replace("module github.com/hisock/hisock", "module example.org/server");
  const uses = `\nrequire github.com/hisock/hisock v0.0.0\nreplace github.com/hisock/hisock => ${root}\n`;
  await writeFile(join(dir, "go.mod"), mod + uses);
  await copyFile(join(root, "go.sum"), join(dir, "go.sum"));
  await promisify(execFile)("go", ["build", "-o", "server", "."], { cwd: dir });

  const server = spawn(join(dir, "server"), { cwd: dir, stdio: ["ignore", "inherit", "pipe"] });
  const exited = once(server, "exit");
  t.after(() => server.kill("SIGKILL"));
  for (let said = ""; !said.includes("serving"); ) said += (await once(server.stderr, "data"))[0];

  const open = async () => {
    const page = await openPage(t, `http://${pages}`, { importFrom: "" });
    await page.getByText("1 + 2 + 3 = 6").waitFor();
    return page;
  };
  const first = await open();
  await open();
  await first.getByText("grace: hello from the browser").waitFor();

  server.kill("SIGINT");
  assert.deepEqual(await exited, [0, null]);
});
