// examples/tictactoe as its players meet it: a tab and a terminal in one game.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freeAddress, openPage } from "./harness.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const scratch = await mkdtemp(join(tmpdir(), "hisock-tictactoe-"));
after(() => rm(scratch, { recursive: true, force: true }));
const pages = await freeAddress();
const program = join(scratch, "tictactoe");

// The program as it stands, but for where it listens and where it puts the bundle.
const source = join(root, "examples/tictactoe/main.go");
const changed = (await readFile(source, "utf8"))
  .replaceAll("127.0.0.1:6969", await freeAddress())
  .replaceAll("127.0.0.1:8080", pages)
  .replace('"bundle"', JSON.stringify(join(scratch, "bundle")));
await writeFile(join(scratch, "main.go"), changed);
await writeFile(join(scratch, "overlay.json"), JSON.stringify({ Replace: { [source]: join(scratch, "main.go") } }));
await promisify(execFile)("go", ["build", "-overlay", join(scratch, "overlay.json"), "-o", program, "./examples/tictactoe"], { cwd: root });

/** Starts the program, which ends with the test at the latest. */
function start(t, ...args) {
  const child = spawn(program, args, { cwd: root });
  const started = { child, exited: once(child, "exit"), said: "", until: null };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (started.said += text));
  started.until = async (text) => {
    while (!started.said.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  t.after(() => child.kill("SIGKILL"));
  return started;
}

/** Opens the page and asks to play. */
async function openTab(t, name) {
  const page = await openPage(t, `http://${pages}`, { importFrom: "" });
  await page.getByLabel("What is your name?").fill(name);
  await page.getByRole("button", { name: "Play" }).click();
  return page;
}

test("a terminal and a tab play to the end, and who leaves says goodbye", async (t) => {
  const server = start(t);
  await server.until("serving");

  const ada = start(t, "ada");
  await ada.until("[1 2 3]\n[4 5 6]\n[7 8 9]\nwaiting for another player\n");
  const taken = await openTab(t, "ada");
  await taken.getByText("the name ada is taken").waitFor();
  const bob = await openTab(t, "bob");
  await bob.getByText("ada (X) is to move").waitFor();
  const cell = (n) => bob.locator("#board button").nth(n - 1);
  await cell(1).click();
  await bob.getByText("it is not your turn").waitFor();
  ada.child.stdin.write("x\n");
  await ada.until("not a free cell from 1 to 9");
  for (const [mine, theirs] of [[5, 1], [9, 3]]) {
    ada.child.stdin.write(`${mine}\n`);
    await bob.getByText("bob (O) is to move").waitFor();
    assert.equal(await bob.getByRole("alert").textContent(), "");
    await cell(theirs).click();
    await bob.getByText("ada (X) is to move").waitFor();
  }
  ada.child.stdin.write("6\n");
  await bob.getByText("bob (O) is to move").waitFor();
  await cell(2).click();
  await bob.getByText("bob has won").waitFor();
  await ada.until("[O O O]\n[4 X X]\n[7 8 X]\nbob has won\n");
  assert.deepEqual(await bob.locator("#board button").allTextContents(), ["O", "O", "O", "", "X", "X", "", "", "X"]);

  // The end of the input, and Ctrl-C, are goodbyes.
  const eve = await openTab(t, "eve");
  await eve.getByText("waiting for another player").waitFor();
  const dan = start(t, "dan");
  await dan.until("eve (X) is to move");
  dan.child.kill("SIGINT");
  await eve.getByText("dan has left").waitFor();
  ada.child.stdin.end();
  assert.deepEqual(await ada.exited, [0, null]);
  assert.deepEqual([...bob.errors, ...bob.output, ...eve.errors, ...eve.output, ...taken.errors, ...taken.output], []);

  server.child.kill("SIGINT");
  assert.deepEqual(await server.exited, [0, null]);
});
