// Prints what a page downloads of each entry of the package, gzipped, and what features cost: node build/sizes.mjs.

import { gzipSync } from "node:zlib";
import { entries, minified, web } from "./modules.mjs";
import { Texts } from "./texts.mjs";

/**
 * What a page may download of each entry at most, in bytes, gzipped. A budget is some 3 % above what is reached. The Go program has a budget
 * of its own, in build_test.go.
 */
export const budgets = { hisock: 14_300, "hisock with its JavaScript engine": 32_300, js: 30_700, core: 21_200, wasm: 18_000, files: 6_000, debug: 1_350 };

/** The modules of features. */
const features = {
  "streams": ["streaming.js", "streams.js", "engine/streams.js"],
  "`keepSession` and the back/forward cache": ["away.js", "engine/detach.js"],
  "`waitFor`, iterators, `drain`, sends that wait": ["waiting.js", "line.js", "inbox.js"],
  "checks of arguments": ["checks.js"],
};

const gzipped = (/** @type {Uint8Array} */ content) => gzipSync(content, { level: 9 }).length;

/** Returns what a page downloads of each entry, in bytes, gzipped. */
export async function sizes() {
  /** @type {Record<string, number>} */
  const out = {};
  for (const [name, entry] of Object.entries(entries)) {
    const files = await minified(web, name, entry, new Texts());
    const all = Object.entries(files);
    // The chunks that the entry imports are downloaded with it.
    const first = new TextDecoder().decode(files[`${name}.js`]);
    const sum = (/** @type {(file: string) => boolean} */ has) => all.reduce((n, [file, content]) => n + (has(file) ? gzipped(content) : 0), 0);
    out[name] = sum((file) => file === `${name}.js` || first.includes(`from"./${file}"`));
    if (all.length > 1) out[`${name} with its JavaScript engine`] = sum((file) => !file.includes("instance"));
  }
  return out;
}

/** Returns what each feature adds to the entry js, in bytes, gzipped. */
export async function costs() {
  const size = async (/** @type {string[]} */ standIns) => gzipped(Object.values(await minified(web, "js", { ...entries.js, standIns }, new Texts()))[0]);
  const all = await size([]);
  /** @type {Record<string, number>} */
  const out = {};
  for (const [feature, modules] of Object.entries(features)) out[feature] = all - (await size(modules));
  return out;
}

if (process.argv[1] === import.meta.filename) {
  for (const table of [await sizes(), await costs()]) for (const [name, size] of Object.entries(table)) console.log(`| ${name} | ${size} |`);
}
