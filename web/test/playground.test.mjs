// The playground of examples/chat as a visitor uses it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test as testOnce } from "node:test";
import { pathToFileURL } from "node:url";
import { findings, findingsOnScreens } from "./axe.mjs";
import { bundle, openPage, test } from "./harness.mjs";
import { go, root, scratchFolder, start, until } from "./programs.mjs";

const chat = join(await scratchFolder("playground"), "chat");
await go(root, "build", "-o", chat, "./examples/chat");

/** A server, and a page of its playground with the engine of the test. */
async function openPlayground(t, engine) {
  const server = start(t, chat, ["-tcp", "", "-http", "127.0.0.1:0", "-bundle", bundle]);
  await server.says("Press Ctrl-C");
  const page = await openPage(t, server.out.match(/http:\S+/)[0], { path: `/playground?engine=${engine}`, importFrom: null });
  const button = (name) => page.getByRole("button", { name, exact: true });
  const text = (id) => page.locator(`#${id}`).textContent();
  return {
    page,
    button,
    text,
    field: (name) => page.getByLabel(name, { exact: true }),
    becomes: (id, wanted) => until(`#${id} says ${wanted}`, async () => (wanted instanceof RegExp ? wanted.test(await text(id)) : (await text(id)) === wanted)),
    async connect() {
      await button("Connect").click();
      await until("it is connected", async () => /^Connected/.test(await text("status")));
    },
    /** The rows of the list as "way kind: text". An event has no kind. */
    rows: () => page.locator("#rows > :not([hidden])").evaluateAll((all) => all.map((row) => {
      const of = (name) => row.querySelector(`.${name}`)?.textContent ?? "";
      return `${row.dataset.way} ${of("kind")}: ${of("text")}`;
    })),
    said: () => page.locator("#said p").allTextContents(),
  };
}

test("a visitor connects, sends, calls and streams, and sees the frames", async (t, engine) => {
  const p = await openPlayground(t, engine);
  await p.field("Name").fill("ada");
  await p.field("Auth").fill("s3cret");
  await p.connect();
  assert.equal(await p.text("status"), `Connected as ada (${engine === "js" ? "JavaScript" : "Go"})`);

  await p.button("Send").click();
  await p.button("Send raw").click();
  await until("both come back", async () => (await p.said()).length === 2);
  assert.deepEqual(await p.said(), ["ada to cake: hello", "raw: hello"]);

  await p.button("Call").click();
  await p.becomes("call-result", /^hello \(\d+\.\d ms\)$/);
  await p.field("What").first().selectOption("ask");
  await p.button("Call").click();
  await p.becomes("call-result", /^Is it there\? Yes\. /);
  await p.field("What").first().selectOption("fail");
  await p.button("Call").click();
  await p.becomes("call-result", `1002: sold out, as always (retry after 2000 ms, details {"left":0})`);
  await p.field("What").first().selectOption("slow");
  await p.button("Call").click();
  await p.button("Give up").click();
  await p.becomes("call-result", "Given up, here and at the server.");
  assert.equal(await p.button("Call").evaluate((e) => e === document.activeElement), true, "the focus is not lost");

  const results = { ticks: "2 ticks, each once and in order.", sum: "The sum of 1 to 2 is 3.", shout: "2 answers, each once and in order.", mirror: "2 KiB came back as they were." };
  for (const [name, result] of Object.entries(results)) {
    await p.field("What").last().selectOption(name);
    await p.page.locator("#many").fill("2");
    await p.button("Start").click();
    await p.becomes("stream-result", result);
  }
  await p.page.locator("#many").fill("200");
  await p.button("Start").click();
  await p.button("Stop").click();
  await p.becomes("stream-result", "Stopped, here and at the server.");

  await p.field("Name or group").fill("milk");
  await p.button("Join").click();
  await p.becomes("who-result", "Joined milk.");
  await p.button("Rename").click();
  await p.becomes("who-result", "Renamed to milk.");
  await p.button("Leave").click();
  await p.becomes("who-result", "Left milk.");
  assert.equal(await p.text("now-groups"), "in cake, tea");

  await p.button("Disconnect").click();
  await until("the last frames are shown", async () => (await p.rows()).some((row) => /^event : the WebSocket is closed/.test(row)));
  assert.equal(await p.text("status"), "Not connected");
  const rows = await p.rows();
  for (const wanted of [
    /^sent hello: name “ada”, auth of 6 B, groups tea, cake$/, /^received welcome: .*name “ada”.*groups/,
    /^sent command: say {"group":"cake","text":"hello"}$/, /^received command: said {"from":"ada","group":"cake","text":"hello"}$/,
    /^sent raw: hello$/, /^received raw: hello$/, /^sent request: #\d+ echo hello$/, /^received reply: #\d+ hello$/,
    /^received request: #\d+ question Is it there\?$/, /^sent reply: #\d+ Is it there\? Yes\.$/,
    /^received failure: #\d+ code 1002, sold out, as always, retry after 2000 ms, {"left":0}$/, /^sent cancel: #\d+$/,
    /^sent stream: #\d+ ticks {"count":2,"every":100}, window \d+ B$/, /^received stream item: #\d+ {"n":2,"at":\d+}$/,
    /^sent stream item: #\d+ word 2$/, /^received stream item: #\d+ WORD 2$/, /^received stream end: #\d+ complete$/,
    /^sent ask join: #\d+ “milk”$/, /^received join group: “milk”$/, /^received rename: “milk”$/, /^sent goodbye: code \d+/,
    /^event : connected$/, /^event : a WebSocket is open$/, /^event : the WebSocket is closed, code \d+$/,
  ]) {
    assert.ok(rows.some((row) => wanted.test(row)), `${wanted} is not in\n${rows.join("\n")}`);
  }
  assert.doesNotMatch(rows.join("\n"), /s3cret/);
  assert.deepEqual([...p.page.errors, ...p.page.output], []);
});

test("a line that is cut: the client comes back, and nothing is lost or comes twice", async (t, engine) => {
  const p = await openPlayground(t, engine);
  await p.connect();
  await p.field("It comes back").selectOption("when I say");
  await p.page.locator("#many").fill("8");
  await p.button("Start").click();
  await until("the stream has begun", async () => (await p.page.locator("#stream-progress").evaluate((e) => e.value)) > 0);
  await p.button("Cut").click();
  await p.becomes("status", "The line is down. Coming back…");
  await p.button("Send 50").click();
  assert.equal((await p.said()).length, 0);
  await until("an attempt has failed", async () => (await p.rows()).some((row) => /^event : no WebSocket: the line is down$/.test(row)));
  await p.button("Mend").click();
  await p.becomes("line-result", /^Back after \d+ ms, and nothing was lost\.$/);
  await p.becomes("stream-result", "8 ticks, each once and in order.");
  await until("all messages have come back", async () => (await p.said()).length === 50);
  assert.deepEqual(await p.said(), Array.from({ length: 50 }, (_, i) => `somebody to cake: hello ${i + 1}`));
  await p.becomes("fact-resumed", "1");
  const rows = await p.rows();
  assert.ok(rows.some((row) => /^sent hello: .*goes on with its session/.test(row)));
  assert.ok(rows.some((row) => /^received welcome: .*resumed/.test(row)));
  assert.equal(rows.filter((row) => /^event : (connected|reconnecting, conn_lost: .*|resumed)$/.test(row)).length, 3, rows.join("\n"));
  assert.deepEqual([...p.page.errors, ...p.page.output], []);
});

test("another engine takes over when it is chosen", async (t, engine) => {
  const p = await openPlayground(t, engine);
  await p.connect();
  await p.field("Go").check();
  await p.becomes("status", "Connected (Go)");
  await p.button("Call").click();
  await p.becomes("call-result", /^hello /);
  // Somebody who cannot make up his mind has one client in the end.
  for (const label of ["JavaScript", "Go", "JavaScript", "Go", "JavaScript"]) await p.field(label).check();
  await until("all others are gone", async () => {
    const rows = (await p.rows()).join("\n");
    const count = (what) => rows.split(what).length;
    return (await p.text("status")) === "Connected (JavaScript)" && count("a WebSocket is open") - count("the WebSocket is closed") === 1;
  });
  await p.button("Disconnect").click();
  await p.becomes("status", "Not connected");
  assert.deepEqual(p.page.errors, []);
}, ["js"]);

test("what cannot be is refused in words", async (t, engine) => {
  const p = await openPlayground(t, engine);
  const refused = async (field, value, why) => {
    await p.field(field).fill(value);
    await p.button("Connect").click();
    await p.becomes("connect-error", why);
    assert.equal(await p.text("status"), "Not connected");
    assert.equal(await p.button("Send").isDisabled(), true);
    await p.field(field).fill("");
  };
  await refused("Name", "a\u200bda", /^bad_name: /);
  await refused("Groups", "tea, a\u200bb", /^bad_name: /);
  await refused("Auth", "wrong", /^unauthorized: with this auth nobody gets in/);

  await p.field("Groups").fill("closed, tea");
  await p.connect();
  await p.becomes("who-result", /^Not in closed: unauthorized: nobody may join this group/);
  await p.field("Name or group").fill("closed");
  await p.field("Name or group").press("Enter");
  await p.becomes("who-result", /^unauthorized: nobody may join/);
  await p.field("What").first().selectOption("slow");
  await p.field("Value").fill("soon");
  await p.field("Value").press("Enter");
  await p.becomes("call-result", /^bad_payload: /);
  for (const many of ["0", "1.5", "201", ""]) {
    await p.page.locator("#many").fill(many);
    await p.page.locator("#many").press("Enter");
    await p.becomes("stream-result", "Choose a whole number from 1 to 200.");
    await p.page.locator("#stream-result").evaluate((e) => (e.textContent = ""));
  }
  const html = `<img src=x onerror="document.title='owned'">`;
  await p.field("Text").fill(html);
  await p.button("Send").click();
  await until("it is text", async () => (await p.said()).includes(`somebody to tea: ${html}`));
  assert.equal(await p.page.locator("main img").count(), 0);
  assert.deepEqual(p.page.errors, []);
}, ["js"]);

test("the list has its newest rows, and is filtered, paused and cleared", async (t, engine) => {
  const p = await openPlayground(t, engine);
  await p.connect();
  for (let i = 0; i < 6; i++) await p.button("Send 50").click();
  await p.becomes("said-count", "300");
  await p.becomes("shown", "500 of the last 500 shown; no more than 500 are kept.");
  assert.equal((await p.rows()).length, 500);
  assert.ok(await p.page.locator("#frames").evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 40), "it follows its end");

  await p.field("Direction").selectOption("sent");
  await p.field("Filter by kind or content").fill("HELLO 50");
  assert.ok((await p.rows()).every((row) => /^sent command: say .*hello 50/.test(row)));
  await p.field("Filter by kind or content").fill("nothing like it");
  assert.deepEqual(await p.rows(), []);
  await p.field("Filter by kind or content").fill("");
  await p.field("Direction").selectOption("");
  await p.field("pings, acks, credit").uncheck();
  assert.ok((await p.rows()).every((row) => !/ (ping|pong|ack|stream credit):/.test(row)));

  await p.button("Pause").click();
  await p.button("Clear").click();
  await p.button("Call").click();
  await p.becomes("shown", /^0 of the last 0 shown; paused, [1-9]\d* have gone by\.$/);
  assert.deepEqual(await p.rows(), []);
  await p.button("Pause").click();
  await until("it is said", async () => /^event : \d+ have gone by during the pause$/.test((await p.rows())[0]));
}, ["js"]);

test("the code does what the buttons did", async (t, engine) => {
  const p = await openPlayground(t, engine);
  await p.connect();
  await p.button("Send").click();
  for (const name of ["echo", "fail"]) {
    await p.field("What").first().selectOption(name);
    await p.button("Call").click();
    await until("it has an answer", async () => (await p.text("call-result")) !== "");
  }
  for (const name of ["ticks", "sum", "shout", "mirror"]) {
    await p.field("What").last().selectOption(name);
    await p.page.locator("#many").fill("2");
    await p.button("Start").click();
    await p.becomes("stream-result", /./);
    await p.button("Start").waitFor();
  }
  await p.button("Copy").click();
  await p.becomes("copied", /^(Copied|Selected: copy it with the keyboard)$/);
  await p.button("Disconnect").click();
  const code = (await p.text("code")).replace(/^import { connect } from ("[^"]*");/, "const { connect } = await import($1);");
  const logged = await p.page.evaluate(`(async () => {
    const logged = [];
    const console = { log: (...args) => logged.push(args.map((a) => typeof a === "object" ? JSON.stringify(a) : String(a)).join(" ")) };
    ${code}
    return logged;
  })()`);
  for (const line of ["hello", `1002 sold out, as always 2000 {"left":0}`, "1", "2", "3", "WORD 1", "WORD 2", "2048"]) {
    assert.ok(logged.includes(line), `${line} is not in ${JSON.stringify(logged)}`);
  }
}, ["js"]);

test("axe-core finds nothing, nothing is wider than 320 px, and the keyboard reaches everything", async (t, engine) => {
  const p = await openPlayground(t, engine);
  const { page } = p;
  assert.deepEqual(await findings(page), []);
  await p.connect();
  await p.button("Call").click();
  await p.button("Send").click();
  await until("it is back", async () => (await p.said()).length === 1);
  assert.deepEqual(await findingsOnScreens(page), []);
  const reached = new Set();
  await page.getByRole("link", { name: "Chat" }).focus();
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const id = await page.evaluate(() => document.activeElement.id || document.activeElement.value);
    if (reached.has(id)) break;
    reached.add(id);
  }
  const wanted = await page.locator(":is(input, select, button, [tabindex]):enabled, [tabindex]").evaluateAll((all) =>
    all.filter((e) => e.checkVisibility() && (e.type !== "radio" || e.checked)).map((e) => e.id || e.value));
  for (const id of wanted) assert.ok(reached.has(id), `${id} is not reached`);
}, ["js"]);

testOnce("each frame of the golden vectors is told by its name and size, however its bytes arrive", async () => {
  const { Splitter } = await import(pathToFileURL(join(root, "examples/chat/app/page/playground/frames.js")).href);
  const vectors = JSON.parse(await readFile(join(root, "core/wire/testdata/vectors.json"), "utf8"));
  const all = vectors.map(({ kind, hex }) => ({ kind, bytes: Buffer.from(hex, "hex") }));
  const joined = Buffer.concat(all.map(({ bytes }) => bytes));
  for (const piece of [1, 7, joined.length]) {
    const splitter = new Splitter("received");
    const got = [];
    for (let at = 0; at < joined.length; at += piece) got.push(...splitter.push(new Uint8Array(joined.subarray(at, at + piece))));
    assert.deepEqual(got.map(({ kind, size }) => [kind, size]), all.map(({ kind, bytes }) => [kind, bytes.length]));
  }
  for (const { fields, hex } of vectors) {
    const [{ text }] = new Splitter("received").push(new Uint8Array(Buffer.from(hex, "hex")));
    for (const secret of [fields.auth, fields.token].filter((s) => s?.length > 4)) {
      assert.ok(!text.includes(secret) && !text.includes(Buffer.from(secret, "hex").toString()), text);
    }
  }
  const faults = JSON.parse(await readFile(join(root, "core/wire/testdata/faults.json"), "utf8"));
  for (const { hex } of faults) new Splitter("received").push(new Uint8Array(Buffer.from(hex, "hex"))); // it shows what it can
});
