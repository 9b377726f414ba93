// examples/tictactoe as players see it: a tab and a terminal in one game.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openPage } from "./harness.mjs";
import { freeAddress, go, root, scratchFolder, start } from "./programs.mjs";

const scratch = await scratchFolder("tictactoe");
const pages = await freeAddress();
const program = join(scratch, "tictactoe");

// The program without changes, except its addresses and the folder of its bundle.
const source = join(root, "examples/tictactoe/main.go");
const changed = (await readFile(source, "utf8"))
  .replaceAll("127.0.0.1:6969", await freeAddress())
  .replaceAll("127.0.0.1:8080", pages)
  .replace('"bundle"', JSON.stringify(join(scratch, "bundle")));
await writeFile(join(scratch, "main.go"), changed);
await writeFile(join(scratch, "overlay.json"), JSON.stringify({ Replace: { [source]: join(scratch, "main.go") } }));
await go(root, "build", "-overlay", join(scratch, "overlay.json"), "-o", program, "./examples/tictactoe");

/** Opens the page and joins a game. */
async function openTab(t, name) {
  const page = await openPage(t, `http://${pages}`, { importFrom: "" });
  await page.getByLabel("What is your name?").fill(name);
  await page.getByRole("button", { name: "Play" }).click();
  return page;
}

test("a terminal and a tab play to the end, and who leaves says goodbye", async (t) => {
  const server = start(t, program);
  await server.says("serving");

  const ada = start(t, program, ["ada"]);
  await ada.says("[1 2 3]\n[4 5 6]\n[7 8 9]\nwaiting for another player\n");
  const taken = await openTab(t, "ada");
  await taken.getByText("the name ada is taken").waitFor();
  const bob = await openTab(t, "bob");
  await bob.getByText("ada (X) is to move").waitFor();
  const cell = (n) => bob.locator("#board button").nth(n - 1);
  await cell(1).click();
  await bob.getByText("it is not your turn").waitFor();
  ada.child.stdin.write("x\n");
  await ada.says("not a free cell from 1 to 9");
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
  await ada.says("[O O O]\n[4 X X]\n[7 8 X]\nbob has won\n");
  assert.deepEqual(await bob.locator("#board button").allTextContents(), ["O", "O", "O", "", "X", "X", "", "", "X"]);

  // The end of the input, and Ctrl-C, are goodbyes.
  const eve = await openTab(t, "eve");
  await eve.getByText("waiting for another player").waitFor();
  const dan = start(t, program, ["dan"]);
  await dan.says("eve (X) is to move");
  dan.child.kill("SIGINT");
  await eve.getByText("dan has left").waitFor();
  ada.child.stdin.end();
  assert.equal(await ada.exited, 0);
  assert.deepEqual([...bob.errors, ...bob.output, ...eve.errors, ...eve.output, ...taken.errors, ...taken.output], []);

  server.child.kill("SIGINT");
  assert.equal(await server.exited, 0);
});
