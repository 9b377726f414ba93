// The modules that hisock/core has in the place of others: whatever the rest of the code uses of a module is in its place too.

import assert from "node:assert/strict";
import { cp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { root, scratchFolder } from "./programs.mjs";

const web = join(root, "web");

/** Copies the sources, with the modules of the folder core in their places. */
async function sources() {
  const dir = await scratchFolder("core");
  for (const name of await readdir(web)) if (/\.(js|d\.ts)$/.test(name)) await cp(join(web, name), join(dir, name));
  await cp(join(web, "engine"), join(dir, "engine"), { recursive: true });
  await rm(join(dir, "engine/stream.js")); // engine/streams.js alone makes such streams
  for (const name of await readdir(join(web, "core"), { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const text = await readFile(join(web, "core", name), "utf8");
    await writeFile(join(dir, name), text.replaceAll(/(["'])\.\.\/(\.\.\/)?/g, (_, quote, up) => quote + (up ?? "./")));
  }
  return dir;
}

// A name that is missing: an export, or a property.
const missing = new Set([2305, 2339, 2551, 2614, 2724]);

test("nothing is missing in the modules of hisock/core", async () => {
  const dir = await sources();
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(web, "tsconfig.json"), ts.sys.readFile).config, ts.sys, web);
  const program = ts.createProgram([join(dir, "js.js")], options);
  const names = ts.getPreEmitDiagnostics(program).filter(({ code }) => missing.has(code)).map(({ file, messageText }) => {
    return `${file?.fileName.slice(dir.length + 1)}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  // A client of hisock/core has handleStream all the same, which fails, and nobody calls openStream.
  assert.deepEqual(names, [
    "client.js: Property 'handleStream' does not exist on type 'Client'.",
    "engine/client.js: Property 'open' does not exist on type 'Streams'.",
  ]);
});
