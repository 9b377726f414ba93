// Makes dist, the folder that the npm package consists of: node build/package.mjs [BUNDLE]. It needs the go command, which makes
// the bundle if none is given. npm pack and npm publish run it.

import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { modules, web } from "./modules.mjs";

const run = promisify(execFile);
const dist = join(web, "dist");

/** The parts of hisock.d.ts. */
const types = ["failures.d.ts", "messages.d.ts", "settings.d.ts", "typed.d.ts"];

/** What the package has of a bundle as it is. */
const asTheyAre = ["hisock.wasm", "wasm_exec.js", "hisock.d.ts", ...types, "js.d.ts", "wasm.d.ts", "files.d.ts", "debug.d.ts"];

const scratch = await mkdtemp(join(web, ".dist-"));
try {
  const fresh = join(scratch, "dist");
  const bundle = process.argv[2] ?? join(scratch, "bundle");
  if (!process.argv[2]) await run("go", ["run", "./bundle", bundle], { cwd: web });
  const { files, texts } = await modules(bundle);
  for (const name of asTheyAre) files[name] = await readFile(join(bundle, name));
  files["hisock.d.ts"] = withoutInternals(files["hisock.d.ts"]);
  // What the numbers in short texts of errors mean.
  files["errors.json"] = json(Object.fromEntries(texts.map((text, i) => [`E${i + 1}`, text])));
  files["manifest.json"] = json(await manifest(files));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(fresh, name)), { recursive: true });
    await writeFile(join(fresh, name), content);
  }
  await copyFile(join(dirname(web), "LICENSE"), join(fresh, "LICENSE"));
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/**
 * Lists the files with the hashes that browsers compare, as the attribute integrity has them.
 *
 * @param {Record<string, Uint8Array>} files
 */
async function manifest(files) {
  const { version } = JSON.parse(await readFile(join(web, "package.json"), "utf8"));
  const [, build] = /^export const build = "(.*)";$/m.exec(new TextDecoder().decode(files["wasm_exec.js"])) ?? [];
  const names = Object.keys(files).filter((name) => /\.(js|wasm)$/.test(name)).sort();
  const integrity = (/** @type {Uint8Array} */ content) => `sha384-${createHash("sha384").update(content).digest("base64")}`;
  return {
    version,
    build,
    files: Object.fromEntries(names.map((name) => {
      const content = /** @type {Uint8Array} */ (files[name]);
      return [name, { size: content.length, integrity: integrity(content) }];
    })),
  };
}

/**
 * Removes what is only for tests from declarations.
 *
 * @param {Uint8Array} declarations
 */
function withoutInternals(declarations) {
  const text = new TextDecoder().decode(declarations);
  return new TextEncoder().encode(text.replace(/\n\/\*\* @internal [^\n]*\nexport const internals: \{\n.*?\n\};\n/s, ""));
}

/** @param {unknown} value */
function json(value) {
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
}
