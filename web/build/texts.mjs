// Shorter texts of errors for the modules that a page downloads. What a program or a person needs stays: the error's code in
// words, and the values in the text. The rest of the text is replaced by a number, which errors.json explains.
//
//   new HisockError("conn_lost", `the connection broke off, close code ${code}`)    "conn lost: 1006"
//   new HisockError("closed", "the client was closed")                              "closed", which the class makes of the code
//   new TypeError(`hisock: ${what}: must be a string, not ${describe(value)}`)      "hisock E12: name, 42"
//   fail("protocol", "number over 64 bits")                                         "E31"

import ts from "typescript";

/** The argument that is a text, by the function. */
const argument = { HisockError: 1, TypeError: 0, RangeError: 0, fail: 1, goodbye: 1, end: 1 };

/** The functions whose result is a text. */
const returns = ["nameFault", "noRoom"];

/** Collects the texts that have a number. */
export class Texts {
  /** The whole texts, by their numbers from 1. @type {string[]} */
  list = [];

  /**
   * Returns a module with shorter texts.
   *
   * @param {string} source
   */
  shorten(source) {
    const file = ts.createSourceFile("module.js", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
    /** @type {{ from: number, to: number, text: string }[]} */
    const edits = [];
    const visit = (/** @type {ts.Node} */ node) => {
      const found = textOf(node);
      if (found) edits.push(this.#edit(found));
      else ts.forEachChild(node, visit);
    };
    visit(file);
    let out = source;
    for (const { from, to, text } of edits.reverse()) out = out.slice(0, from) + text + out.slice(to);
    return out;
  }

  /** @param {Found} found */
  #edit({ text, code }) {
    const from = text.getStart();
    const to = text.getEnd();
    const values = ts.isTemplateExpression(text) ? text.templateSpans.map((span) => `\${${span.expression.getText()}}`).join(", ") : "";
    if (!code) return { from, to, text: this.#numbered(text, values) };
    if (values) return { from, to, text: `\`${code.text.replaceAll("_", " ")}: ${values}\`` };
    const { arguments: all } = /** @type {ts.NewExpression} */ (code.parent);
    return all && all.length > 2 ? { from, to, text: "undefined" } : { from: code.getEnd(), to, text: "" };
  }

  /** @param {ts.Node} text @param {string} values */
  #numbered(text, values) {
    const whole = text.getText().slice(1, -1);
    if (!this.list.includes(whole)) this.list.push(whole);
    const number = `E${this.list.indexOf(whole) + 1}`;
    const head = whole.startsWith("hisock: ") ? `hisock ${number}` : number;
    return values ? `\`${head}: ${values}\`` : `"${head}"`;
  }
}

/** @typedef {{ text: ts.Node, code: ts.StringLiteral | undefined }} Found a text of an error, with the code if it is a HisockError */

/**
 * Returns the text of an error that node makes.
 *
 * @param {ts.Node} node
 * @returns {Found | undefined}
 */
function textOf(node) {
  if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && ts.isIdentifier(node.expression)) {
    const name = node.expression.text;
    const text = node.arguments?.[argument[/** @type {keyof typeof argument} */ (name)] ?? -1];
    if (!text || !isProse(text)) return undefined;
    const code = name === "HisockError" && node.arguments?.[0];
    if (!code) return { text, code: undefined };
    return ts.isStringLiteral(code) ? { text, code } : undefined;
  }
  if (!ts.isReturnStatement(node) || !node.expression || !isProse(node.expression)) return undefined;
  let scope = node.parent;
  while (scope && !ts.isFunctionLike(scope)) scope = scope.parent;
  const name = /** @type {ts.FunctionLike | undefined} */ (scope)?.name?.getText() ?? "";
  return returns.includes(name) ? { text: node.expression, code: undefined } : undefined;
}

/** @param {ts.Node} node */
const isProse = (node) =>
  (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) && node.getText().includes(" ");
