// Shared parts of the tests of examples/chat: its server, and browser tabs and terminals in the chat.

import assert from "node:assert/strict";
import { join } from "node:path";
import { bundle, openPage } from "./harness.mjs";
import { go, root, scratchFolder, start as startProgram, until } from "./programs.mjs";

export const chat = join(await scratchFolder("chat"), "chat");
await go(root, "build", "-o", chat, "./examples/chat");

/** Starts a program of the chat. It ends when the test ends, or before. */
function start(t, program, ...args) {
  const process = startProgram(t, program, args);
  return Object.assign(process, { lines: () => process.out.split("\n").slice(0, -1) });
}

/** Starts a server on free ports, or on the address given for browsers. */
export async function startChat(t, { http = "127.0.0.1:0", more = ["-bundle", bundle], program = chat } = {}) {
  const server = start(t, program, "-tcp", "127.0.0.1:0", "-http", http, ...more);
  await until("the server is ready", () => {
    assert.equal(server.child.exitCode, null, server.err);
    return server.out.includes("Press Ctrl-C");
  });
  const url = (scheme) => server.out.match(new RegExp(`\\b${scheme}://\\S+`))[0];
  return Object.assign(server, { tcp: url("tcp"), ws: url("ws"), http: url("http") });
}

/** A terminal in the chat. */
export async function joinTerminal(t, url, name) {
  const terminal = start(t, chat, "-join", url, "-name", name);
  terminal.say = (text) => terminal.child.stdin.write(text + "\n");
  terminal.heard = () => terminal.lines().filter((l) => !l.startsWith("* "));
  terminal.notes = () => terminal.lines().filter((l) => l.startsWith("* ")).map((l) => l.slice(2));
  await until(`${name} is in the chat`, () => terminal.lines().some((l) => l.startsWith("* here: ")));
  return terminal;
}

/** A tab with the page. */
export async function openTab(t, url) {
  const page = await openPage(t, url, { importFrom: null });
  const log = page.getByRole("log");
  return {
    page,
    log,
    name: page.getByLabel("Name", { exact: true }),
    join: page.getByRole("button", { name: "Join", exact: true }),
    message: page.getByLabel("Message", { exact: true }),
    send: page.getByRole("button", { name: "Send", exact: true }),
    status: page.getByRole("status"),
    alert: page.getByRole("alert"),
    banner: page.locator("#banner"),
    newest: page.getByRole("button", { name: /new message/ }),
    typing: page.locator("#typing"),
    /** The messages in the tab, including its own, as "name: text". */
    said: () => log.locator(".entry").evaluateAll((all) =>
      all.map((e) => `${e.querySelector(".author").textContent}: ${e.querySelector(".text").textContent}`)),
    notes: () => log.locator(".note").allTextContents(),
    people: () => page.getByRole("complementary").getByRole("listitem").evaluateAll((all) =>
      all.map((e) => e.querySelector("bdi").textContent + (e.querySelector(".you")?.textContent ?? ""))),
    /** The members at other nodes, with their nodes. */
    elsewhere: () => page.getByRole("complementary").getByRole("listitem").filter({ has: page.locator(".at") }).evaluateAll((all) =>
      all.map((e) => e.querySelector("bdi").textContent + e.querySelector(".at").textContent)),
    node: page.locator("#node"),
    /** The id of the element that has the focus. */
    focus: () => page.evaluate(() => document.activeElement.id),
    /** Says something, and waits until it is shown. */
    say: async (text) => {
      await page.getByLabel("Message", { exact: true }).fill(text);
      await page.keyboard.press("Enter");
      await log.locator(".mine .text").getByText(text, { exact: true }).waitFor();
    },
  };
}

export async function joinTab(t, url, name) {
  const tab = await openTab(t, url);
  await tab.name.fill(name);
  await tab.join.click();
  await tab.message.waitFor();
  return tab;
}
