// The npm package as its users get it: packed, unpacked, and used by bundlers, in workers, under a strict policy and in Node.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build as esbuild, transform } from "esbuild";
import { addressOf, bundle, openPage, startServer } from "./harness.mjs";
import { root, run, scratchFolder } from "./programs.mjs";

const web = join(root, "web");
const fixture = join(web, "test/package");
const bundler = createRequire(join(fixture, "package.json"));
const scratch = await scratchFolder("package");
const app = join(scratch, "app");
const unpacked = join(app, "node_modules/hisock");

await run(web, process.execPath, "build/package.mjs", bundle);
const { stdout: packed } = await run(web, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", scratch);
await cp(join(fixture, "app"), app, { recursive: true });
await mkdir(unpacked, { recursive: true });
await run(scratch, "tar", "-xzf", JSON.parse(packed)[0].filename, "--strip-components=1", "-C", unpacked);

/** Folders below which the server of the pages has files, by their path. @type {Map<string, string>} */
const folders = new Map();

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** Starts a server that has the folders and passes WebSockets on to the server of the tests. It returns its address. */
async function startPages() {
  const pages = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url, "http://localhost");
    const [, first, ...rest] = pathname.split("/");
    const file = join(folders.get(first) ?? "/nowhere", rest.join("/") || "index.html");
    const content = await readFile(file).catch(() => undefined);
    const program = /wasm/.test(searchParams.get("how")) ? " 'wasm-unsafe-eval'" : "";
    const inline = /<script type="importmap">(.*?)<\/script>/.exec(content ?? "")?.[1];
    const map = inline ? ` 'sha256-${createHash("sha256").update(inline).digest("base64")}'` : "";
    res.writeHead(content ? 200 : 404, {
      "Content-Type": types[extname(file)] ?? "text/plain",
      "Content-Security-Policy": `default-src 'none'; script-src 'self'${program}${map}; worker-src 'self'; connect-src 'self'`,
    });
    res.end(content ?? "not found");
  });
  pages.on("upgrade", (req, near) => {
    const far = connect(addressOf(server));
    far.write(`${req.method} ${req.url} HTTP/1.1\r\n${req.rawHeaders.map((text, i) => text + (i % 2 ? "\r\n" : ": ")).join("")}\r\n`);
    for (const [a, b] of [[near, far], [far, near]]) {
      a.on("error", () => {}).on("close", () => b.destroy());
      a.pipe(b);
    }
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  after(() => pages.close());
  return `http://127.0.0.1:${pages.address().port}`;
}

const server = await startServer({ after });
const url = await startPages();

/** Opens a page of the app, and returns its outcome and the files that it has fetched. */
async function visit(t, url, how) {
  const page = await openPage(t, "about:blank", { path: "", importFrom: null });
  const fetched = [];
  page.on("requestfinished", (request) => fetched.push(new URL(request.url()).pathname));
  await page.goto(`${url}?how=${how}`);
  await page.waitForFunction(() => document.title !== "loading");
  const outcome = await page.title();
  await page.context().close();
  return { outcome, fetched, errors: page.errors };
}

/** Checks that an app works in each way, and that no page downloads the engine that it does not use. */
async function works(t, url, pathOf, hows) {
  for (const how of hows) {
    const { outcome, fetched, errors } = await visit(t, url, how);
    assert.equal(outcome, "sum 6, unknown_command", `${how}: ${errors.join()}`);
    const wasm = fetched.filter((path) => path.endsWith(".wasm"));
    assert.equal(wasm.length, /wasm/.test(how) ? 1 : 0, `${how} fetched ${fetched.join()}`);
    if (!/wasm/.test(how) || !pathOf) continue;
    const engine = await Promise.all(fetched.filter((path) => path.endsWith(".js")).map((path) => readFile(pathOf(path), "utf8")));
    assert.ok(!engine.some((text) => text.includes("arraybuffer")), `${how} fetched the engine in JavaScript`);
  }
}

const flags = typeof WebSocket === "undefined" ? ["--experimental-websocket", "--no-warnings"] : [];
const runtimes = { Node: [process.execPath, ...flags], Deno: ["deno", "run", "--allow-all", "--quiet"], Bun: ["bun", "run"] };
const there = new Set();
for (const [name, [program]] of Object.entries(runtimes)) await run(app, program, "--version").then(() => there.add(name), () => {});

/** The files of the package beside a page that names them in an import map, with their hashes. */
async function plainApp(out) {
  const { files } = JSON.parse(await readFile(join(unpacked, "dist/manifest.json"), "utf8"));
  await cp(join(unpacked, "dist"), join(out, "hisock"), { recursive: true });
  await cp(app, out, { recursive: true, filter: (name) => !name.includes("node_modules") });
  const imports = { hisock: "./hisock/hisock.js", "hisock/js": "./hisock/js.js", "hisock/wasm": "./hisock/wasm.js" };
  const integrity = Object.fromEntries(Object.entries(files).map(([name, file]) => [`./hisock/${name}`, file.integrity]));
  const page = await readFile(join(app, "index.html"), "utf8");
  const map = (hashes) => page.replace("<script", `<script type="importmap">${JSON.stringify({ imports, integrity: hashes })}</script>\n<script`);
  await writeFile(join(out, "index.html"), map(integrity));
  await writeFile(join(out, "other.html"), map({ ...integrity, "./hisock/js.js": files["wasm.js"].integrity }));
}

const pathIn = (path) => join(folders.get(path.split("/")[1]), ...path.split("/").slice(2));

const all = ["js", "wasm", "lazy-js", "lazy-wasm", "worker", "shared"];

/** The builder of the app for each bundler, which writes to the directory out. */
const builders = {
  async esbuild(out) {
    const entryPoints = ["main.js", "worker.js", "shared.js"].map((name) => join(app, name));
    await esbuild({ entryPoints, bundle: true, splitting: true, format: "esm", minify: true, outdir: out, logLevel: "error" });
    await cp(join(app, "index.html"), join(out, "index.html"));
    await cp(join(unpacked, "dist/hisock.wasm"), join(out, "hisock.wasm")); // esbuild leaves this file to its user
  },
  vite6: (out) => viteBuild("vite6", out),
  vite7: (out) => viteBuild("vite7", out),
  async "webpack 5"(out) {
    const webpack = bundler("webpack");
    const config = {
      mode: "production",
      entry: join(app, "main.js"),
      output: { path: out, filename: "main.js", publicPath: "auto" },
      optimization: { minimize: false }, // would take seconds
      performance: false, // would warn of the size of hisock.wasm
    };
    const stats = await promisify(webpack)(config);
    assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString());
    await cp(join(app, "index.html"), join(out, "index.html"));
  },
};

const vite = async (version) => import(pathToFileURL(join(fixture, "node_modules", version, "dist/node/index.js")).href);

async function viteBuild(version, outDir) {
  const { build } = await vite(version);
  await build({ root: app, base: "./", logLevel: "error", configFile: false, worker: { format: "es" }, build: { outDir } });
}

for (const [name, build] of Object.entries(builders)) {
  test(`an app built with ${name}`, async (t) => {
    const out = join(scratch, name.replace(" ", ""));
    await build(out);
    folders.set(name.replace(" ", ""), out);
    await works(t, `${url}/${name.replace(" ", "")}/`, pathIn, name === "vite7" ? all : ["lazy-js", "wasm", "worker"]);
  });
}

test("a page without a bundler, which compares the hashes of the manifest", async (t) => {
  const out = join(scratch, "plain");
  await plainApp(out);
  folders.set("plain", out);
  await works(t, `${url}/plain/`, pathIn, ["js", "lazy-wasm"]); // workers have no import map
  assert.match((await visit(t, `${url}/plain/other.html`, "js")).outcome, /^failed: TypeError: Failed to fetch dynamically imported module/);
});

for (const [name, [program, ...args]] of Object.entries(runtimes)) {
  test(`a program in ${name}`, { skip: !there.has(name) && `${program} is not installed` }, async () => {
    for (const entry of ["hisock", "hisock/js", "hisock/core", "hisock/wasm"]) {
      const { stdout } = await run(app, program, ...args, "node.mjs", entry, server.ws);
      assert.equal(stdout, "sum 6, unknown_command, true\n", entry);
    }
    const { stdout } = await run(app, program, ...args, "core.mjs", server.ws);
    const unsupported = Array(9).fill("unsupported");
    assert.deepEqual(JSON.parse(stdout), [true, ["chat", "other"], "grace", unsupported, "hello", ["queue_full", "connected", "still here"]]);
  });
}

test("without its comments a module is the same program", async () => {
  const program = async (folder, name) => {
    const source = (await readFile(join(folder, name), "utf8")).replace(/^const build = ".*";$/m, "").replace(/^const size = \d+;$/m, "");
    return (await transform(source, { minify: true, loader: "js" })).code;
  };
  const names = (await readdir(bundle, { recursive: true })).filter((name) => name.endsWith(".js") && name !== "wasm_exec.js");
  assert.ok(names.length > 40, names.join());
  for (const name of names) assert.equal(await program(bundle, name), await program(web, name), name);
});

test("the types of the package, and what it has in it", async () => {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  await run(app, process.execPath, tsc, "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "typed.ts");
  const files = await readdir(unpacked, { recursive: true });
  assert.ok(files.includes("README.md") && files.includes("dist/LICENSE") && !files.some((name) => /\.(go|mjs|test\.js)$/.test(name)), files.join());
  assert.ok(!/@internal/.test(await readFile(join(unpacked, "dist/hisock.d.ts"), "utf8")));
  const { scripts } = JSON.parse(await readFile(join(unpacked, "package.json"), "utf8"));
  assert.equal(scripts.prepack, "npm run build");
});

for (const version of ["vite6", "vite7"]) {
  test(`an app in development with ${version}`, async (t) => {
    const { createServer: serve } = await vite(version);
    delete process.env.NODE_ENV; // a build has set it
    const proxy = { "/ws": { target: server.own, ws: true } };
    const dev = await serve({ root: app, logLevel: "error", configFile: false, optimizeDeps: { force: true }, server: { port: 0, host: "127.0.0.1", proxy } });
    t.after(() => dev.close());
    await dev.listen();
    await works(t, `http://127.0.0.1:${dev.httpServer.address().port}/`, undefined, ["lazy-js", "wasm", "worker"]);
  });
}
