// examples/chat as users see it: browser tabs and terminal programs in one chat.

import assert from "node:assert/strict";
import { join } from "node:path";
import { chat, joinTab, joinTerminal, openTab, startChat } from "./chat.mjs";
import { test } from "./harness.mjs";
import { root, run, scratchFolder, until } from "./programs.mjs";

const built = join(await scratchFolder("built"), "bundle");
await run(root, chat, "-build", built);

test("two tabs and two terminals in one chat, from the first hello to the server's end", async (t, engine) => {
  const itself = engine === "js"; // it builds its bundle itself
  const server = await startChat(t, { more: itself ? [] : ["-bundle", built] });
  assert.equal(/compile hisock\.wasm/.test(server.err), itself);
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
  await until("the tab says so", async () => /^Coming back…/.test(await ada.status.textContent()));
  assert.match(await ada.banner.textContent(), /^The server has stopped\./);
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
  await until("the tab says so", async () => /^Coming back…/.test(await ada.status.textContent()));
  assert.equal(await ada.message.isVisible(), true);
  assert.equal(await ada.banner.isVisible(), true);

  await startChat(t, { http: new URL(server.http).host });
  await until("the tab is back", async () => (await ada.status.textContent()) === "Connected");
  assert.equal(await ada.banner.isVisible(), false);
  assert.deepEqual(await ada.notes(), ["The server was started again, and has forgotten what was said before."]);
  assert.equal(await ada.message.inputValue(), "not yet said");
  assert.deepEqual(await ada.people(), ["ada (you)"]);
  await ada.message.press("Enter");
  await until("the message is shown", async () => (await ada.said()).length === 1);
  assert.deepEqual(await ada.said(), ["ada: not yet said"]);
  assert.deepEqual(ada.page.errors, []);
});

test("newcomers see what was said before, each message once", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.tcp, "bob");
  bob.say("one");
  await until("it is shown", async () => (await ada.said()).length === 1);
  await ada.say("two");
  const want = ["bob: one", "ada: two"];

  const cleo = await joinTab(t, server.http, "cleo");
  await until("the tab sees it", async () => (await cleo.notes()).length > 0);
  assert.deepEqual(await cleo.said(), want);
  assert.deepEqual(await cleo.notes(), ["You joined"]);
  assert.equal(await cleo.page.title(), "hisock chat", "it is not unread");
  await until("new messages are read aloud", () => cleo.log.evaluate((e) => !e.hasAttribute("aria-live")));
  const dan = await joinTerminal(t, server.ws, "dan");
  await until("the terminal sees it", () => dan.heard().length === want.length);
  assert.deepEqual(dan.heard(), want);
  assert.equal(dan.notes()[1], "2 messages from before:");

  for (const again of [
    () => cleo.page.reload(),
    async () => {
      await cleo.page.getByRole("button", { name: "Leave" }).click();
      await until("its name is free", () => bob.notes().includes("cleo left"));
      await cleo.join.click();
    },
  ]) {
    await again();
    await until("the tab is back", async () => (await cleo.status.textContent()) === "Connected");
    bob.say("more");
    want.push("bob: more");
    await until("it is shown", async () => (await cleo.said()).length >= want.length);
    assert.deepEqual(await cleo.said(), want);
  }
  await until("the terminal has it once", () => dan.heard().length === want.length);
  assert.deepEqual(dan.heard(), want);
  assert.deepEqual([...cleo.page.errors, ...cleo.page.output, dan.err].join(""), "");
});

test("tabs see who is typing, and terminals are not bothered", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTab(t, server.http, "bob");
  const cleo = await joinTerminal(t, server.tcp, "cleo");
  await bob.page.clock.install();
  await ada.message.pressSequentially("hel");
  await bob.typing.getByText("ada").waitFor();
  assert.equal(await bob.typing.textContent(), "\u2068ada\u2069 is typing…");
  assert.equal(await ada.typing.textContent(), "");
  await bob.page.clock.fastForward(6000);
  assert.equal(await bob.typing.textContent(), "", "nothing has come since");

  await bob.message.pressSequentially("hel");
  await ada.typing.getByText("bob").waitFor();
  await bob.say("hello");
  await until("it is said", async () => (await ada.said()).length === 1);
  assert.equal(await ada.typing.textContent(), "");
  await until("it is said", () => cleo.heard().length === 1);
  assert.deepEqual(cleo.lines().slice(1), ["bob: hello"]);
  assert.equal(cleo.err, "");
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
    await ada.message.fill(`at once ${i}`); // perhaps the page is not back yet
    await ada.message.press("Enter");
    await until("the tab is back", async () => (await ada.status.textContent()) === "Connected");
    await until("it is heard", () => bob.heard().includes(`ada: at once ${i}`));
  }
  const want = { bob: ["bob: one", "bob: meanwhile 0", "bob: meanwhile 1"], ada: ["ada: two", "ada: at once 0", "ada: at once 1"] };
  const said = await until("all is shown", async () => {
    const said = await ada.said();
    return said.length >= 6 && said;
  });
  assert.equal(said.length, 6);
  for (const from of ["ada", "bob"]) assert.deepEqual(said.filter((line) => line.startsWith(from)), want[from]);
  assert.equal(await ada.log.locator(".mine").count(), 3);
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
  const tries = {
    "": /Enter the name/, ada: /called “ada” already/, "a:b": /colon/,
    "ad\u200ba": /invisible characters/, "ada\u3164": /invisible characters/, "ada\ufe0f": /invisible characters/,
  };
  for (const [name, why] of Object.entries(tries)) {
    await tab.name.fill(name);
    await tab.join.click();
    const alert = await until(`${why} is shown`, async () => {
      const text = (await tab.alert.allTextContents()).join("");
      return why.test(text) && text;
    });
    assert.doesNotMatch(alert, /hisock/i);
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

test("what nobody has seen is counted, and begins below a marker", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.ws, "bob");
  const distance = () => ada.log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  const marked = () => ada.log.locator(".marker + .entry .text").allTextContents();
  for (let i = 0; i < 60; i++) bob.say(`line ${i}`);
  await until("all are shown", async () => (await ada.said()).length === 60);
  assert.ok((await distance()) < 2, "the log follows its end");
  assert.equal(await ada.newest.isVisible(), false);
  assert.equal(await ada.page.title(), "hisock chat");

  // The reader has scrolled up.
  await ada.log.evaluate((e) => (e.scrollTop = 0));
  for (const text of ["first", "second"]) bob.say(text);
  await ada.page.getByRole("button", { name: "2 new messages" }).waitFor();
  assert.equal(await ada.log.evaluate((e) => e.scrollTop), 0);
  assert.equal(await ada.page.title(), "(2) hisock chat");
  assert.deepEqual(await marked(), ["first"]);
  await ada.newest.click();
  await ada.newest.waitFor({ state: "hidden" });
  assert.ok((await distance()) < 2);
  assert.equal(await ada.page.title(), "hisock chat");
  assert.equal(await ada.focus(), "message");

  // The reader is elsewhere, and comes back to the first message that was not seen.
  await ada.page.evaluate(() => (document.hasFocus = () => false));
  bob.say("third");
  await until("it is counted", async () => (await ada.page.title()) === "(1) hisock chat");
  assert.deepEqual(await marked(), ["third"]);
  for (let i = 0; i < 40; i++) bob.say(`while away ${i}`);
  await until("they are counted", async () => (await ada.page.title()) === "(41) hisock chat");
  const seen = () => ada.log.locator(".marker").evaluate((e) => e.offsetTop >= e.parentElement.scrollTop);
  assert.equal(await seen(), true, "the log has stopped at the marker");
  await ada.page.evaluate(() => {
    delete document.hasFocus;
    dispatchEvent(new Event("focus"));
  });
  assert.equal(await ada.page.title(), "(41) hisock chat");
  await ada.log.evaluate((e) => (e.scrollTop = e.scrollHeight));
  await until("all is read", async () => (await ada.page.title()) === "hisock chat");
  assert.deepEqual(await marked(), ["third"]);
  await ada.say("I have read it");
  assert.deepEqual(await marked(), []);

  await ada.page.getByRole("button", { name: "Leave" }).click();
  await ada.join.waitFor();
  assert.equal(await ada.status.textContent(), "Not connected");
  await until("the terminal sees it", () => bob.notes().includes("ada left"));
});

test("the address chooses the engine", async (t, engine) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const loaded = await ada.page.evaluate(() => performance.getEntriesByType("resource").map((e) => new URL(e.name).pathname));
  assert.equal(loaded.includes("/hisock/hisock.wasm"), engine === "wasm");
  assert.match(await ada.page.locator("#engine").textContent(), engine === "wasm" ? /Go/ : /JavaScript/);
  assert.equal(await ada.page.locator("#other-engine").getAttribute("href"), engine === "wasm" ? "/?engine=js" : "/?engine=wasm");
});
