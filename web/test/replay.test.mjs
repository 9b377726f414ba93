// A page gets the old messages of its groups.

import assert from "node:assert/strict";
import { open, openPage, prepare, test } from "./harness.mjs";

/** Connects in a page that records the messages and replays of its groups. */
async function follow(page, options = {}) {
  await page.evaluate(async (options) => {
    window.got = [];
    const age = ({ replayed }) => (replayed ? "old" : "new");
    window.client = await hisock.connect("/ws", {
      name: "ada", retry: { min: 20, max: 100 }, ...options,
      on: { "said to": { as: "text", handler: (text, info) => got.push(`${age(info)} ${text}`) } },
      onRaw: (bytes, info) => got.push(`${age(info)} raw ${new TextDecoder().decode(bytes)}`),
      onMessage: (message) => message.command !== "early" && got.push(`${age(message)} ${message.kind}`),
      onReplay: (r) => got.push(`+${JSON.stringify(r)}`),
      onReplayed: (r) => got.push(`=${r.group}`),
    });
    window.taken = async (last) => {
      await until(() => got.at(-1) === last);
      return got.splice(0);
    };
  }, options);
}

const replay = (messages, missed = 0, lost = false, group = "room") => `+${JSON.stringify({ group, messages, missed, lost })}`;
const said = (age, ...texts) => texts.flatMap((text) => [`${age} ${text}`, `${age} command`]);

test("a page that joins late is given what the group keeps, and knows it from what is new", async (t) => {
  const { page } = await open(t);
  await follow(page);
  const got = await page.evaluate(async () => {
    for (const text of ["1", "2", "3"]) client.send("say to", ["room", text]);
    client.send("shout to", ["room", "4"]);
    await client.join("room");
    const first = await taken("=room");
    client.send("say to", ["room", "5"]);
    return [first, await taken("new command")];
  });
  assert.deepEqual(got[0], [replay(3), ...said("old", "2", "3"), "old raw 4", "old raw", "=room"]);
  assert.deepEqual(got[1], said("new", "5"));

  const again = await page.evaluate(async () => {
    client.send("again", "room");
    const first = await taken("=room");
    await client.leave("room");
    for (const text of ["6", "7", "8", "9", "10"]) client.send("say to", ["room", text]);
    await client.join("room");
    return [first, await taken("=room")];
  });
  assert.deepEqual(again[0], [replay(1), ...said("old", "5"), "=room"]);
  assert.deepEqual(again[1], [replay(3, 2), ...said("old", "8", "9", "10"), "=room"]);
});

test("over a reload a page knows what it has had of its groups", async (t) => {
  const { page, server } = await open(t);
  await follow(page, { keepSession: "kept", groups: ["room"] });
  await page.evaluate(async () => {
    await taken("=room");
    for (const text of ["1", "2"]) client.send("say to", ["room", text]);
    await until(() => got.length === 4);
    await client.leave("room");
  });
  await page.reload();
  await prepare(page);
  await follow(page, { keepSession: "kept" });
  const other = await openPage(t, server.own);
  await other.evaluate(async () => {
    window.client = await hisock.connect("/ws");
    client.send("say to", ["room", "3"]);
    await client.call("sum", [1]);
  });
  const got = await page.evaluate(async () => {
    await client.join("room");
    return [client.resumed, await taken("=room")];
  });
  assert.deepEqual(got, [true, [replay(1), ...said("old", "3"), "=room"]]);
});
