// The modules of the package, made from the modules of this folder: one minified file for each entry, and the readable form
// that bundlers use in development.

import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { shortNames, textsOfGo } from "./names.mjs";
import { Texts } from "./texts.mjs";

/** The folder web of this repository. */
export const web = dirname(dirname(fileURLToPath(import.meta.url)));

/** The entries: what each exports, and whether it loads the Go program. */
const entries = {
  hisock: { exports: "{ connect, HisockError }", hasProgram: true },
  js: { exports: "{ connect, HisockError }", hasProgram: false },
  wasm: { exports: "{ connect, HisockError }", hasProgram: true },
  files: { exports: "*", hasProgram: false },
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
  const sources = await sourcesOf(from);
  for (const [entry, { exports, hasProgram }] of Object.entries(entries)) {
    const kept = [join(from, "hisock.d.ts"), join(from, "files.d.ts"), ...(hasProgram ? [join(web, "native.d.ts"), join(web, "wasm_exec.d.ts")] : [])];
    const short = await shortNames([...sources, join(web, "native.d.ts")], kept, hasProgram ? await textsOfGo(join(web, "../wasm")) : []);
    for (const [folder, options] of Object.entries({
      "": { minify: true, mangleProps: new RegExp(`^(${short.join("|")})$`), plugins: [edited("", texts)] },
      "development/": { plugins: [edited("../")] },
    })) {
      const { outputFiles } = await build({
        ...shared,
        ...options,
        stdin: { contents: `export ${exports} from "./${entry}.js";`, resolveDir: from, sourcefile: `entry of ${entry}` },
        entryNames: entry,
        chunkNames: `${entry}-[name]-[hash]`,
        splitting: entry === "hisock",
        outdir: join(from, folder),
      });
      for (const { path, contents } of outputFiles) files[folder + basename(path)] = contents;
    }
  }
  const worker = await build({ ...shared, minify: true, entryPoints: [join(from, "files/worker.js")] });
  files["files-worker.js"] = /** @type {import("esbuild").OutputFile} */ (worker.outputFiles[0]).contents;
  return { files, texts: texts.list };
}

/** @type {import("esbuild").BuildOptions & { write: false }} */
const shared = { bundle: true, format: "esm", target: "es2022", legalComments: "none", write: false, logLevel: "warning", logOverride: { "ignored-bare-import": "silent" } };

/**
 * Leaves the files of the Go program out of a module, and edits the modules of this package.
 *
 * @param {string} up what leads from the module to the files of the Go program
 * @param {Texts} [texts] shortens texts
 * @returns {import("esbuild").Plugin}
 */
const edited = (up, texts) => ({
  name: "hisock",
  setup(b) {
    b.onResolve({ filter: /^\.\/wasm_exec\.js$/ }, ({ path }) => ({ path: `./${up}${path.slice(2)}`, external: true }));
    b.onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const source = (await readFile(path, "utf8")).replace('new URL("./worker.js", import', 'new URL("./files-worker.js", import');
      return { contents: texts ? texts.shorten(source) : source.replace(besides, inDevelopment) };
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

/** @param {string} from */
async function sourcesOf(from) {
  const list = [];
  for (const dir of ["", "engine", "program", "files"].map((name) => join(from, name))) {
    for (const name of (await readdir(dir)).sort()) if (name.endsWith(".js") && name !== "wasm_exec.js") list.push(join(dir, name));
  }
  return list;
}
