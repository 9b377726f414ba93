// The page of examples/chat for its reader: on all screens, with the keyboard, in both colour schemes, and for axe.

import assert from "node:assert/strict";
import { findingsOnScreens } from "./axe.mjs";
import { joinTab, joinTerminal, openTab, startChat } from "./chat.mjs";
import { test as testEngine } from "./harness.mjs";
import { until } from "./programs.mjs";

/** Runs a test of the page itself, which is the same with each engine. */
const test = (name, fn) => testEngine(name, fn, ["js"]);

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
  await ada.newest.waitFor();
  assert.ok((await ada.newest.boundingBox()).height < 48, "its text is on one line");
  await ada.page.setViewportSize({ width: 300, height: 500 });
  assert.equal(await ada.log.evaluate((e) => e.scrollTop), 0, "who reads further up is left there");
});

test("all is reached with the keyboard, and nothing holds it", async (t) => {
  const server = await startChat(t);
  const ada = await openTab(t, server.http);
  const bob = await joinTerminal(t, server.tcp, "bob");
  for (let i = 0; i < 60; i++) bob.say(`line ${i}`);
  const { keyboard } = ada.page;
  assert.equal(await ada.focus(), "name");
  await keyboard.type("ada");
  await keyboard.press("Enter");
  await ada.message.waitFor();
  assert.equal(await ada.focus(), "message");
  await until("all is shown", async () => (await ada.said()).length === 60);
  for (const id of ["log", "people", "leave"]) {
    await keyboard.press("Shift+Tab");
    assert.equal(await ada.focus(), id);
  }

  const top = () => ada.log.evaluate((e) => e.scrollTop);
  await ada.message.focus();
  const end = await top();
  await keyboard.press("PageUp");
  await until("the log is scrolled", async () => (await top()) < end);
  assert.equal(await ada.focus(), "message");
  await keyboard.press("Escape");
  await until("the end is shown", async () => (await top()) === end);
  await ada.log.focus();
  await keyboard.press("ArrowUp");
  await until("the log is scrolled", async () => (await top()) < end);
  await keyboard.press("Home");
  await until("the beginning is shown", async () => (await top()) === 0);
  await keyboard.press("Escape");
  assert.equal(await ada.focus(), "message");
  await until("the end is shown", async () => (await top()) === end);

  await keyboard.press("Tab");
  assert.equal(await ada.focus(), "send");
});

test("a keyboard that covers the page leaves the end of the log in view", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.tcp, "bob");
  for (let i = 0; i < 60; i++) bob.say(`line ${i}`);
  await until("all is shown", async () => (await ada.said()).length === 60);
  const cover = (height, scale) => ada.page.evaluate(({ height, scale }) => {
    for (const [key, value] of Object.entries({ height, scale })) Object.defineProperty(visualViewport, key, { configurable: true, get: () => value });
    visualViewport.dispatchEvent(new Event("resize"));
    return document.body.clientHeight;
  }, { height, scale });
  const { height } = ada.page.viewportSize();
  assert.equal(await cover(300, 1), 300);
  await until("the end is in view", () => ada.log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 40));
  assert.equal(await cover(height, 1), height);
  assert.equal(await cover(300, 2), height, "a page that is zoomed in keeps its size");
});

test("people are told apart by colours that can be read", async (t) => {
  const server = await startChat(t);
  const ada = await joinTab(t, server.http, "ada");
  const bob = await joinTerminal(t, server.tcp, "bob");
  bob.say("hello");
  await until("it is shown", async () => (await ada.said()).length === 1);
  const hues = await ada.page.evaluate(() => {
    const hue = (e) => e.style.getPropertyValue("--hue");
    return { list: [...document.querySelectorAll(".people li")].map(hue), log: hue(document.querySelector(".entry")) };
  });
  assert.equal(hues.log, hues.list[1]);
  assert.notEqual(hues.list[0], hues.list[1]);

  // The contrast of the initial to its disc, and of the author to the ground, as WCAG 2 defines it.
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await ada.page.emulateMedia({ colorScheme });
    const least = await ada.page.evaluate(() => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
      const luminance = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const contrast = (a, b) => {
        const [dark, light] = [luminance(a), luminance(b)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
      };
      const entry = document.querySelector(".entry");
      const badge = getComputedStyle(entry.querySelector(".badge"));
      const author = getComputedStyle(entry.querySelector(".author"));
      const ground = getComputedStyle(document.body).backgroundColor;
      const all = [];
      for (let hue = 0; hue < 360; hue += 5) {
        entry.style.setProperty("--hue", hue);
        all.push(contrast(badge.color, badge.backgroundColor), contrast(author.color, ground));
      }
      return Math.min(...all);
    });
    assert.ok(least >= 4.5, `${colorScheme}: ${least}`);
  }
});

test("axe finds nothing, in both colour schemes, on a narrow and on a wide screen", async (t) => {
  const server = await startChat(t);
  const ada = await openTab(t, server.http);
  await ada.join.click();
  assert.deepEqual(await findingsOnScreens(ada.page), [], "the lobby, with an error");

  const bob = await joinTerminal(t, server.tcp, "bob");
  for (const text of ["hello", "a-word-that-is-long-".repeat(20), "bye"]) bob.say(text);
  await ada.name.fill("ada");
  await ada.join.click();
  await until("what was said is there", async () => (await ada.said()).length === 3);
  await ada.say("I have read it");
  for (let i = 0; i < 12; i++) await joinTerminal(t, server.tcp, `a guest with a long name ${i}`);
  await ada.page.evaluate(() => (document.hasFocus = () => false));
  bob.say("one more");
  await ada.log.locator(".marker").waitFor();
  const cleo = await joinTab(t, server.http, "cleo");
  await cleo.message.pressSequentially("x");
  await until("cleo types", async () => (await ada.typing.textContent()) !== "");
  assert.deepEqual(await findingsOnScreens(ada.page), [], "the chat");

  server.child.kill("SIGTERM");
  await ada.banner.waitFor();
  assert.deepEqual(await findingsOnScreens(ada.page), [], "the chat while it comes back");
  await ada.page.getByRole("button", { name: "Leave" }).click();
  await ada.join.waitFor();
  assert.deepEqual(await findingsOnScreens(ada.page), [], "the chat after its end");
});
