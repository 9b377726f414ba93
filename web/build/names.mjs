// The names of properties that a minified module may shorten: those that only this package uses.

import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import ts from "typescript";

// Names that are stored by one version of the module and read by another one: see kept.js.
const stored = ["v", "name", "session", "raw"];

// The libraries whose names a page or the browser uses.
const libraries = /^lib\.(dom|dom\.iterable|dom\.asynciterable|es5|es20\d\d\.\w+|esnext\.\w+)\.d\.ts$/;

/**
 * Returns the names that sources declare, without names that a library or one of the types in kept declares, and without names
 * that are also a text in sources: such a property may be looked up by that text.
 *
 * @param {string[]} sources files of this package
 * @param {string[]} kept declarations whose names stay as they are
 * @param {readonly string[]} more names that stay as they are
 */
export async function shortNames(sources, kept, more) {
  const taken = new Set([...stored, ...more, ...(await (foreign ??= foreignNames()))]);
  for (const file of kept) await names(file, true, taken);
  const own = new Set();
  for (const file of sources) await names(file, false, own, taken);
  return [...own].filter((name) => !taken.has(name)).sort();
}

/** @type {Promise<Set<string>> | undefined} */
let foreign;

async function foreignNames() {
  const lib = dirname(createRequire(import.meta.url).resolve("typescript"));
  const all = new Set();
  for (const name of await readdir(lib)) if (libraries.test(name)) await names(join(lib, name), true, all);
  return all;
}

/**
 * Returns the texts in the Go files of a folder: a program uses properties by such texts.
 *
 * @param {string} folder
 */
export async function textsOfGo(folder) {
  const texts = [];
  for (const name of await readdir(folder)) {
    if (name.endsWith(".go")) for (const [, text] of (await readFile(join(folder, name), "utf8")).matchAll(/"(\w+)"/g)) texts.push(text);
  }
  return texts;
}

/**
 * Adds the names of properties that a file declares.
 *
 * @param {string} file
 * @param {boolean} all also names of variables, which may be properties of the global object, and texts, which may name properties
 * @param {Set<string>} into
 * @param {Set<string>} [texts] is added the texts in the file
 */
async function names(file, all, into, texts) {
  const visit = (/** @type {ts.Node} */ node) => {
    if (isProperty(node) || (all && (ts.isVariableDeclaration(node) || ts.isFunctionDeclaration(node)))) {
      const { name } = /** @type {{ name?: ts.Node }} */ (node);
      if (name && ts.isIdentifier(name)) into.add(name.text);
    }
    if (all && ts.isStringLiteral(node)) into.add(node.text);
    if (texts && ts.isStringLiteral(node)) texts.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, await readFile(file, "utf8"), ts.ScriptTarget.Latest, true));
}

/** @param {ts.Node} node */
const isProperty = (node) =>
  ts.isPropertyDeclaration(node) || ts.isPropertySignature(node) || ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node) ||
  ts.isMethodDeclaration(node) || ts.isMethodSignature(node) || ts.isGetAccessor(node) || ts.isSetAccessor(node);
