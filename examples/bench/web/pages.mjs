// Makes the pages of the benchmark in a folder, packed as for a site, and writes what each contestant downloads as JSON: node pages.mjs FOLDER.
// web/dist must be there.

import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../../../web/dist");
const folder = process.argv[2];

const gzipped = (/** @type {Uint8Array} */ content) => gzipSync(content, { level: 9 });

/**
 * Packs a module as a site does.
 *
 * @param {string} contents
 */
async function packed(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(here, "page") },
    alias: { "hisock/js": join(dist, "js.js"), "hisock/wasm": join(dist, "wasm.js") },
    bundle: true, minify: true, format: "esm", target: "es2022", legalComments: "none", write: false, logLevel: "warning",
  });
  return outputFiles[0].contents;
}

/** Writes a file, and its gzipped form beside it. */
async function write(/** @type {string} */ path, /** @type {Uint8Array} */ content) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await writeFile(`${path}.gz`, gzipped(content));
}

const shell = (/** @type {string} */ script) =>
  new TextEncoder().encode(`<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title>${script}</html>\n`);

const program = await readFile(join(dist, "hisock.wasm"));

/** What each contestant downloads: its client with the few lines that use it, in bytes, gzipped. @type {Record<string, number>} */
const downloads = {};
const contestants = (await readdir(join(here, "page/contestants"))).map((name) => name.replace(".mjs", "")).filter((name) => !["hand", "hisock"].includes(name));
for (const name of contestants) {
  const from = `"./contestants/${name}.mjs"`;
  await write(join(folder, name, "app.js"), await packed(`import { connect } from ${from}; import { begin } from "./begin.mjs"; begin(connect);`));
  await write(join(folder, name, "index.html"), shell('<script type="module" src="app.js"></script>'));
  downloads[name] = gzipped(await packed(`export { connect } from ${from};`)).length;
  if (name === "hisock-wasm") {
    await write(join(folder, name, "hisock.wasm"), program);
    downloads[name] += gzipped(program).length;
  }
}
await write(join(folder, "empty/index.html"), shell(""));
await write(join(folder, "works.mjs"), await readFile(join(here, "page/works.mjs")));

/** The entries of the package hisock and the program, in bytes, gzipped. @type {Record<string, number>} */
const { sizes } = await import("../../../web/build/sizes.mjs");
const files = { ...(await sizes()), "hisock.wasm": gzipped(program).length };

const version = (/** @type {string} */ name) => createRequire(import.meta.url)(join(here, "node_modules", name, "package.json")).version;
const packages = ["@nats-io/nats-core", "centrifuge", "socket.io", "socket.io-client"];
console.log(JSON.stringify({ downloads, files, versions: Object.fromEntries(packages.map((name) => [name, version(name)])) }));
