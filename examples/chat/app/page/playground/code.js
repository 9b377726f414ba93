// What the buttons did, as a program that does the same.

import { $ } from "./dom.js";

const most = 60; // steps that are kept
const panel = $("code").firstElementChild;

let connecting = "";
let steps = [];

/** A value as JavaScript. */
export function literal(value) {
  if (value === undefined) return "undefined";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, v]) => `${/^[a-z]\w*$/i.test(key) ? key : JSON.stringify(key)}: ${literal(v)}`);
  return `{ ${fields.join(", ")} }`;
}

/** Begins a program with a connect. */
export function began(url, options) {
  connecting = `import { connect } from "/hisock/hisock.js";

const client = await connect(${literal(url)}, ${literal(options)});
client.on("said", ({ from, group, text }) => console.log(from, group, text));
client.handle("question", (question) => \`\${question} Yes.\`, { as: "text" });
client.onRaw((bytes) => console.log(new TextDecoder().decode(bytes)));
client.onState((state, why) => console.log(state, why?.message));
`;
  steps = [];
  show();
}

/** Adds a step. */
export function did(step) {
  steps.push(step);
  if (steps.length > most) steps.shift();
  show();
}

function show() {
  panel.textContent = `${connecting}${steps.length > 0 ? "\n" : ""}${steps.join("\n")}\n`;
  $("code").scrollTop = $("code").scrollHeight;
}

$("copy").addEventListener("click", async () => {
  const say = (text) => ($("copied").textContent = text);
  try {
    await navigator.clipboard.writeText(panel.textContent);
    say("Copied");
  } catch {
    // Only pages of https and of this machine may use the clipboard.
    getSelection()?.selectAllChildren(panel);
    say("Selected: copy it with the keyboard");
  }
  setTimeout(() => say(""), 4000);
});
