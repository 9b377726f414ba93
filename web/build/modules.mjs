// The modules of the package, made from the modules of this folder: one minified file for each entry, and the readable form
// that bundlers use in development.

import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { shortNames, textsOfGo } from "./names.mjs";
import { Texts } from "./texts.mjs";

/** The folder web of this repository. */
export const web = dirname(dirname(fileURLToPath(import.meta.url)));

const api = "{ connect, HisockError }";

/**
 * The entries: what each exports, from which module, whether that loads the Go program, and the modules in whose place modules of the
 * folder core are.
 *
 * @typedef {{ exports: string, module: string, hasProgram?: boolean, standIns?: string[] }} Entry
 * @type {Record<string, Entry>}
 */
export const entries = {
  hisock: { exports: api, module: "hisock.js", hasProgram: true },
  js: { exports: api, module: "js.js" },
  core: { exports: api, module: "js.js", standIns: await modulesIn(join(web, "core")) },
  wasm: { exports: api, module: "wasm.js", hasProgram: true },
  files: { exports: "*", module: "files.js" },
  debug: { exports: "*", module: "debug.js" },
};

/**
 * Returns the files of the package by name.
 *
 * @param {string} from the folder with the modules: web, or a bundle, which has the id of its build
 * @returns {Promise<{ files: Record<string, Uint8Array>, texts: string[] }>}
 */
export async function modules(from) {
  const texts = new Texts();
  /** @type {Record<string, Uint8Array>} */
  const files = {};
  for (const [name, entry] of Object.entries(entries)) {
    Object.assign(files, await minified(from, name, entry, texts), await readable(from, name, entry));
  }
  const worker = await build({ ...shared, minify: true, entryPoints: [join(from, "files/worker.js")] });
  files["files-worker.js"] = /** @type {import("esbuild").OutputFile} */ (worker.outputFiles[0]).contents;
  return { files, texts: texts.list };
}

/**
 * @param {string} from
 * @param {string} name
 * @param {Entry} entry
 * @param {Texts} texts
 */
export async function minified(from, name, entry, texts) {
  const kept = ["hisock.d.ts", "failures.d.ts", "messages.d.ts", "settings.d.ts", "typed.d.ts", "files.d.ts"].map((name) => join(from, name));
  if (!entry.standIns) kept.push(join(web, "native.d.ts")); // debug.js goes by these names
  if (entry.hasProgram) kept.push(join(web, "wasm_exec.d.ts"));
  const ofGo = entry.hasProgram ? await textsOfGo(join(web, "../wasm")) : [];
  const short = await shortNames([...(await modulesIn(from)).map((module) => join(from, module)), join(web, "native.d.ts")], kept, ofGo);
  const mangleProps = new RegExp(`^(${short.join("|")})$`);
  return bundled(from, name, entry, "", { minify: true, mangleProps, plugins: [standIns(entry.standIns ?? []), edited(texts)] });
}

/**
 * @param {string} from
 * @param {string} name
 * @param {Entry} entry
 */
function readable(from, name, entry) {
  const unchecked = ["checks.js", "connect.js"]; // in development arguments are checked
  const modules = (entry.standIns ?? []).filter((module) => !unchecked.includes(module));
  return bundled(from, name, entry, "development/", { plugins: [standIns(modules), edited()] });
}

/**
 * @param {string} from
 * @param {string} name
 * @param {Entry} entry
 * @param {string} folder
 * @param {import("esbuild").BuildOptions} options
 */
async function bundled(from, name, { exports, module, standIns }, folder, options) {
  const { outputFiles } = await build({
    ...shared,
    ...options,
    // A module of the folder core imports modules beside that folder.
    stdin: { contents: `export ${exports} from "./${module}";`, resolveDir: standIns ? web : from, sourcefile: `entry of ${name}` },
    entryNames: name,
    chunkNames: `${name}-[name]-[hash]`,
    splitting: name === "hisock",
    outdir: join(from, folder),
  });
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [folder + basename(path), contents]));
}

/** @type {import("esbuild").BuildOptions & { write: false }} */
const shared = { bundle: true, format: "esm", target: "es2022", legalComments: "none", write: false, logLevel: "warning", logOverride: { "ignored-bare-import": "silent" } };

/**
 * Leaves the files of the Go program out of a module, and edits the modules of this package.
 *
 * @param {Texts} [texts] shortens texts; none for the readable form, which is in a folder of its own
 * @returns {import("esbuild").Plugin}
 */
const edited = (texts) => ({
  name: "hisock",
  setup(b) {
    b.onResolve({ filter: /^\.\/wasm_exec\.js$/ }, ({ path }) => ({ path: texts ? path : `.${path}`, external: true }));
    b.onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const source = (await readFile(path, "utf8")).replace('new URL("./worker.js", import', 'new URL("./files-worker.js", import');
      return { contents: texts ? texts.shorten(source) : source.replace(besides, inDevelopment) };
    });
  },
});

/**
 * Puts modules of the folder core in the place of the modules with the same names. A module of core that imports the module whose
 * place it takes is given that module.
 *
 * @param {string[]} modules
 * @returns {import("esbuild").Plugin}
 */
const standIns = (modules) => ({
  name: "core",
  setup(b) {
    b.onResolve({ filter: /^\.\.?\// }, ({ path, importer, resolveDir }) => {
      const name = relative(web, join(resolveDir, path));
      const standIn = join(web, "core", name);
      return modules.includes(name) && standIn !== importer ? { path: standIn } : undefined;
    });
  },
});

// What a module loads besides modules.
const besides = /new URL\("\.\/(hisock\.wasm|files-worker\.js)", import\.meta\.url\)/;

// In development Vite copies modules, and nothing else, into a folder beside the packages.
const inDevelopment = `(() => {
    const ofVite = "../../hisock/dist/$1";
    return import.meta.url.includes("/.vite/deps/") ? new URL(ofVite, import.meta.url) : new URL("../$1", import.meta.url);
  })()`;

/**
 * Returns the names of the modules in a folder.
 *
 * @param {string} folder
 */
async function modulesIn(folder) {
  const list = [];
  for (const dir of ["", "engine/", "program/", "files/"]) {
    for (const name of await readdir(join(folder, dir)).catch(() => [])) if (name.endsWith(".js") && name !== "wasm_exec.js") list.push(dir + name);
  }
  return list.sort();
}
