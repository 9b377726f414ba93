// examples/chat as users see it: browser tabs and terminal programs in one chat.

import assert from "node:assert/strict";
import { join } from "node:path";
import { openPage, test } from "./harness.mjs";
import { go, root, run, scratchFolder, start as startProgram, until } from "./programs.mjs";

const scratch = await scratchFolder("chat");
const chat = join(scratch, "chat");
const bundle = join(scratch, "bundle");
await go(root, "build", "-o", chat, "./examples/chat");
await run(root, chat, "-build", bundle);

/** Starts the program. It ends when the test ends, or before. */
function start(t, ...args) {
  const process = startProgram(t, chat, args);
  return Object.assign(process, { lines: () => process.out.split("\n").slice(0, -1) });
}

/** Starts a server on free ports, or on the address given for browsers. */
async function startChat(t, { http = "127.0.0.1:0", more = ["-bundle", bundle] } = {}) {
  const server = start(t, "-tcp", "127.0.0.1:0", "-http", http, ...more);
  await until("the server is ready", () => {
    assert.equal(server.child.exitCode, null, server.err);
    return server.out.includes("Press Ctrl-C");
  });
  const url = (scheme) => server.out.match(new RegExp(`\\b${scheme}://\\S+`))[0];
  return Object.assign(server, { tcp: url("tcp"), ws: url("ws"), http: url("http") });
}

/** A terminal in the chat. */
async function joinTerminal(t, url, name) {
  const terminal = start(t, "-join", url, "-name", name);
  terminal.say = (text) => terminal.child.stdin.write(text + "\n");
  terminal.heard = () => terminal.lines().filter((l) => !l.startsWith("* "));
  terminal.notes = () => terminal.lines().filter((l) => l.startsWith("* ")).map((l) => l.slice(2));
  await until(`${name} is in the chat`, () => terminal.lines().some((l) => l.startsWith("* here: ")));
  return terminal;
}

/** A tab with the page. */
async function openTab(t, url) {
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
    /** The messages in the tab, including its own, as "name: text". */
    said: () => log.locator(".entry").evaluateAll((all) =>
      all.map((e) => `${e.querySelector(".author").textContent}: ${e.querySelector(".text").textContent}`)),
    notes: () => log.locator(".note").allTextContents(),
    people: () => page.getByRole("complementary").getByRole("listitem").allTextContents(),
  };
}

async function joinTab(t, url, name) {
  const tab = await openTab(t, url);
  await tab.name.fill(name);
  await tab.join.click();
  await tab.message.waitFor();
  return tab;
}

test("two tabs and two terminals in one chat, from the first hello to the server's end", async (t) => {
  const server = await startChat(t, { more: [] }); // it builds its bundle itself
  assert.match(server.err, /compile hisock\.wasm/);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTab(t, server.http, "bob");
  const cleo = await joinTerminal(t, server.tcp, "cleo");
  const dan = await joinTerminal(t, server.ws, "dan");
  const everybody = ["ada", "bob", "cleo", "dan"];
  await until("all are seen by the first", async () => (await ada.people()).length === 4);
  assert.deepEqual(await ada.people(), ["ada (you)", "bob", "cleo", "dan"]);
  assert.deepEqual(dan.notes(), ["here: ada, bob, cleo, dan (you)"]);

  const each = 12;
  const speak = async (name, say) => {
    for (let i = 0; i < each; i++) await say(`${name} says ${i}`);
  };
  const type = (tab) => async (text) => {
    await tab.message.fill(text);
    await (text.endsWith("0") ? tab.send.click() : tab.message.press("Enter"));
  };
  await Promise.all([
    speak("ada", type(ada)), speak("bob", type(bob)), speak("cleo", cleo.say), speak("dan", dan.say),
  ]);

  const heard = { ada: ada.said, bob: bob.said, cleo: async () => cleo.heard(), dan: async () => dan.heard() };
  for (const name of everybody) {
    const tab = name === "ada" || name === "bob"; // a tab shows its own messages, too
    const expected = tab ? each * 4 : each * 3;
    const got = await until(`${name} heard everything`, async () => {
      const said = await heard[name]();
      return said.length >= expected && said;
    });
    for (const from of everybody) {
      const want = Array.from({ length: from !== name || tab ? each : 0 }, (_, i) => `${from}: ${from} says ${i}`);
      assert.deepEqual(got.filter((l) => l.startsWith(`${from}: `)), want, `what ${name} heard of ${from}`);
    }
    assert.equal(got.length, expected);
  }
  assert.deepEqual(await ada.said(), await bob.said(), "all see the same order");

  // A tab that is closed.
  await bob.page.close();
  await until("the tab sees it", async () => (await ada.notes()).includes("bob left"));
  await until("the terminals see it", () => [cleo, dan].every((p) => p.notes().includes("bob left")));
  assert.deepEqual(await ada.people(), ["ada (you)", "cleo", "dan"]);

  // A terminal at the end of its input.
  cleo.child.stdin.end("bye\n");
  assert.equal(await cleo.exited, 0, cleo.err);
  await until("all see it", async () => (await ada.notes()).includes("cleo left") && dan.notes().includes("cleo left"));
  assert.equal((await ada.said()).at(-1), "cleo: bye");

  // Ctrl-C.
  server.child.kill("SIGINT");
  assert.equal(await server.exited, 0, server.err);
  await until("the tab says so", async () => (await ada.status.textContent()) === "Coming back…");
  assert.equal((await ada.notes()).at(-1), "The server has stopped. Coming back…");
  await until("the terminal says so", () => dan.notes().at(-1) === "the server has stopped: coming back");
  assert.equal(dan.err, "");
  assert.deepEqual([...ada.page.errors, ...ada.page.output, ...bob.page.errors, ...bob.page.output], []);
});

test("a tab is there again when the server is", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  await ada.message.fill("not yet said");
  server.child.kill("SIGTERM");
  assert.equal(await server.exited, 0, server.err);
  await until("the tab says so", async () => (await ada.status.textContent()) === "Coming back…");
  assert.equal(await ada.message.isVisible(), true);

  await startChat(t, { http: new URL(server.http).host });
  await until("the tab is back", async () => (await ada.status.textContent()) === "Connected");
  assert.match((await ada.notes()).at(-1), /^Back again/);
  assert.equal(await ada.message.inputValue(), "not yet said");
  assert.deepEqual(await ada.people(), ["ada (you)"]);
  await ada.message.press("Enter");
  await until("the message is shown", async () => (await ada.said()).length === 1);
  assert.deepEqual(await ada.said(), ["ada: not yet said"]);
  assert.deepEqual(ada.page.errors, []);
});

test("a tab that is reloaded keeps its seat, and nobody notices", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.tcp, "bob");
  bob.say("one");
  await until("it is shown", async () => (await ada.said()).length === 1);
  await ada.message.fill("two");
  await ada.message.press("Enter");
  await until("it is heard", () => bob.heard().length === 1);
  for (let i = 0; i < 2; i++) {
    const reloaded = ada.page.reload();
    bob.say(`meanwhile ${i}`);
    await reloaded;
    await until("the tab is back", async () => (await ada.status.textContent()) === "Connected");
  }
  const want = ["bob: one", "ada: two", "bob: meanwhile 0", "bob: meanwhile 1"];
  await until("all is shown", async () => (await ada.said()).length >= want.length);
  assert.deepEqual(await ada.said(), want);
  assert.deepEqual(await ada.people(), ["ada (you)", "bob"]);
  assert.equal(await ada.message.isVisible(), true);
  assert.deepEqual(bob.notes(), ["here: ada, bob (you)"]);
  assert.deepEqual([...ada.page.errors, ...ada.page.output], []);
});

test("a tab that is reloaded again before it is back keeps its seat, and shows the end of what was said", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.tcp, "bob");
  for (let i = 0; i < 40; i++) bob.say(`line ${i}`);
  await until("all is shown", async () => (await ada.said()).length === 40);
  for (let i = 0; i < 5; i++) await ada.page.reload();
  await until("the tab is back", async () => (await ada.status.textContent()) === "Connected");
  assert.equal((await ada.said()).length, 40);
  assert.deepEqual(bob.notes(), ["here: ada, bob (you)"]);
  const log = ada.page.locator("#log");
  assert.ok(await log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 40), "it is not at its end");
  assert.equal(await ada.page.locator("#newest").isVisible(), false);
  bob.say("one more");
  await until("it is shown", async () => (await ada.said()).length === 41);
  assert.ok(await log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 40), "it does not follow");
  assert.deepEqual([...ada.page.errors, ...ada.page.output], []);
});

test("a window that becomes narrow goes on showing the end", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.tcp, "bob");
  for (let i = 0; i < 10; i++) bob.say(`line ${i} ${"and so on ".repeat(30)}`);
  await until("all is shown", async () => (await ada.said()).length === 10);
  const isAtEnd = () => ada.log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 40);
  for (const size of [{ width: 320, height: 568 }, { width: 568, height: 320 }, { width: 1200, height: 800 }, { width: 320, height: 400 }]) {
    await ada.page.setViewportSize(size);
    await until(`the end is shown at ${size.width} px`, isAtEnd);
  }
  await ada.log.evaluate((e) => (e.scrollTop = 0));
  bob.say("one more");
  const newest = ada.page.locator("#newest");
  await newest.waitFor();
  assert.ok((await newest.boundingBox()).height < 48, "its text is on one line");
  await ada.page.setViewportSize({ width: 300, height: 500 });
  assert.equal(await ada.log.evaluate((e) => e.scrollTop), 0, "who reads further up is left there");
});

test("a name that cannot be is refused in words for its reader", async (t) => {
  const server = await startChat(t);
  const ada = await openTab(t, server.http);
  for (const name of ["a\u200bda", "ada\u3164", "ada\ufe0f"]) {
    await ada.name.fill(name);
    await ada.join.click();
    await until("it is refused", async () => /invisible characters/.test(await ada.page.locator("#name-error").textContent()));
    assert.doesNotMatch(await ada.page.locator("#name-error").textContent(), /hisock/i);
  }
  assert.deepEqual([...ada.page.errors, ...ada.page.output], []);
});

test("a tab joins once the server is there, or gives up when asked", async (t) => {
  const server = await startChat(t);
  const ada = await openTab(t, server.http);
  server.child.kill("SIGTERM");
  assert.equal(await server.exited, 0, server.err);
  await ada.name.fill("ada");
  await ada.join.click();
  await until("the tab says so", async () => /^Connecting… .+/.test(await ada.status.textContent()));
  await ada.page.getByRole("button", { name: "Cancel" }).click();
  await until("it has given up", async () => (await ada.status.textContent()) === "Not connected");
  await ada.join.click();
  await startChat(t, { http: new URL(server.http).host });
  await ada.message.waitFor();
  assert.equal(await ada.status.textContent(), "Connected");
});

test("names that are not let in, with the reason", async (t) => {
  const server = await startChat(t);
  await joinTerminal(t, server.tcp, "ada");
  const tab = await openTab(t, server.http);
  const tries = { "": /Enter the name/, ada: /called “ada” already/, "a:b": /colon/, "ad\u200ba": /invisible/ };
  for (const [name, why] of Object.entries(tries)) {
    await tab.name.fill(name);
    await tab.join.click();
    await until(`${why} is shown`, async () => why.test((await tab.alert.allTextContents()).join("")));
    assert.equal(await tab.name.getAttribute("aria-invalid"), "true");
    assert.equal(await tab.name.evaluate((e) => e === document.activeElement), true);
    assert.equal(await tab.message.isVisible(), false);
  }
  await tab.name.fill("  bob ");
  await tab.name.press("Enter");
  await tab.message.waitFor();
  assert.deepEqual(await tab.people(), ["ada", "bob (you)"]);
  assert.equal(await tab.message.evaluate((e) => e === document.activeElement), true);
  assert.equal(await tab.name.isVisible(), false);
});

test("what others write is text: no HTML in a tab, no escape sequence in a terminal", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const html = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>&amp;`;
  const mallory = await joinTerminal(t, server.tcp, "<b>mallory</b>");
  mallory.say(html);
  await until("it is shown", async () => (await ada.said()).length === 1);
  assert.deepEqual(await ada.said(), [`<b>mallory</b>: ${html}`]);
  assert.deepEqual(await ada.people(), ["ada (you)", "<b>mallory</b>"]);
  assert.deepEqual(await ada.notes(), ["<b>mallory</b> joined"]);
  assert.equal(await ada.page.locator("main :is(img, script, b)").count(), 0);
  assert.equal(await ada.page.title(), "hisock chat");

  await ada.message.fill("\x1b[31mred");
  await ada.send.click();
  await until("it is refused", async () => (await ada.alert.allTextContents()).join("").includes("control character U+001B"));
  assert.equal(await ada.message.inputValue(), "\x1b[31mred");
  await ada.message.fill("plain");
  await ada.send.click();
  await until("the terminal hears", () => mallory.heard().length === 1);
  assert.deepEqual(mallory.heard(), ["ada: plain"]);
  assert.deepEqual([...ada.page.errors, ...ada.page.output], []);
});

test("leaving, and reading further up while others talk", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.ws, "bob");
  const distance = () => ada.log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  const newest = ada.page.getByRole("button", { name: /New messages/ });
  for (let i = 0; i < 60; i++) bob.say(`line ${i}`);
  await until("all are shown", async () => (await ada.said()).length === 60);
  assert.ok((await distance()) < 2, "the log follows its end");
  assert.equal(await newest.isVisible(), false);

  await ada.log.evaluate((e) => (e.scrollTop = 0));
  bob.say("one more");
  await newest.waitFor();
  assert.equal(await ada.log.evaluate((e) => e.scrollTop), 0);
  await newest.click();
  await newest.waitFor({ state: "hidden" });
  assert.ok((await distance()) < 2);

  await ada.page.getByRole("button", { name: "Leave" }).click();
  await ada.join.waitFor();
  assert.equal(await ada.status.textContent(), "Not connected");
  await until("the terminal sees it", () => bob.notes().includes("ada left"));
});
