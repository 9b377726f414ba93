import assert from "node:assert/strict";
import { open, test } from "./harness.mjs";

test("groups, and who comes and goes", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const pushed = collect();
    const presence = collect();
    const client = await hisock.connect("/ws", {
      name: "ada",
      onClientConnect: (who) => presence.push(["came", who.name, who.groups, typeof who.address]),
      onClientDisconnect: (who) => presence.push(["went", who.name, who.groups, typeof who.address]),
    });
    client.on("pushed", (text) => pushed.push(text), { as: "text" });
    await client.join("room 1");
    const groups = client.groups;
    client.send("push to group", "room 1");
    await pushed.wait(1);
    client.leave("room 1");
    client.send("push to group", "room 1"); // the server handles it after the join
    const bad = (await failure(() => client.join(""))).code;
    const bob = await hisock.connect("/ws", { name: "bob", groups: ["room 2"] });
    await bob.close();
    await presence.wait(2);
    const unasked = await hisock.connect("/ws");
    const none = (await failure(() => unasked.onClientConnect(() => {}))).code;
    return { groups, after: client.groups, pushed: [...pushed], presence: presence.slice(0, 2), bad, none };
  });
  assert.deepEqual(got, {
    groups: ["room 1"], after: [], pushed: ['to "room 1"'],
    presence: [["came", "bob", ["room 2"], "string"], ["went", "bob", ["room 2"], "string"]],
    bad: "bad_name", none: "unsupported",
  });
});

test("a change of name, from either end", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const events = collect();
    const heard = collect();
    const ada = await hisock.connect("/ws", { onClientRename: (old, who) => heard.push([old, who.name, who.groups]) });
    const bob = await hisock.connect("/ws", {
      name: "bob", groups: ["room"],
      onRename: (old, name) => events.push([old, name]),
      onJoinGroup: (group) => events.push(["in", group]),
    });
    bob.onLeaveGroup((group) => events.push(["out of", group]));
    await ada.rename("ada");
    const taken = (await failure(() => bob.rename("ada"))).code;
    await bob.rename("eve");
    const now = bob.name;
    bob.send("call me", "zoe");
    bob.send("put me into", "attic");
    await Promise.all([bob.leave("room"), bob.rename("")]);
    await events.wait(5);
    await ada.call("sum", []);
    await heard.wait(3);
    const bad = (await failure(() => bob.rename("a\nb"))).code;
    const unasked = (await failure(() => bob.onClientRename(() => {}))).code;
    const names = [ada.name, bob.name];
    await bob.close();
    return { events: [...events], heard: [...heard], bad, taken, now, unasked, names, late: (await failure(() => bob.rename("x"))).code };
  });
  assert.deepEqual(got, {
    events: [["bob", "eve"], ["eve", "zoe"], ["in", "attic"], ["out of", "room"], ["zoe", ""]],
    heard: [["bob", "eve", []], ["eve", "zoe", []], ["zoe", "", []]],
    bad: "bad_name", taken: "name_taken", now: "eve", unasked: "unsupported", names: ["ada", ""], late: "not_connected",
  });
});

test("what the server refuses to change rejects with why", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { name: "ada", groups: ["room", "staff"] });
    const why = (err) => [err.code, err.message, err.remote, err.retryAfter];
    const refusal = (promise) => promise.then(() => "did not fail", why);
    const refused = client.refusedGroups.map(({ group, why: err }) => [group, ...why(err)]);
    const failures = {
      staff: await refusal(client.join("staff")),
      busy: await refusal(client.rename("busy")),
      late: await refusal(client.join("slow", { timeout: 50 })),
      here: await refusal(client.leave("")),
      option: (await failure(() => client.join("room", { as: "text" }))).name,
    };
    const abort = new AbortController();
    const given = failure(() => client.join("slow", { signal: abort.signal }));
    abort.abort(new Error("changed my mind"));
    failures.given = (await given).message;
    const closing = failure(() => client.join("slow"));
    const is = [client.name, client.groups];
    await client.close();
    return { refused, failures, closed: (await closing).code, is, kept: client.refusedGroups.length };
  });
  assert.deepEqual(got, {
    refused: [["staff", 1001, "staff only", true, 0]],
    failures: {
      staff: [1001, "staff only", true, 0],
      busy: ["rate_limit", "not so fast", true, 1500],
      late: ["deadline_exceeded", 'join "slow": took longer than 50 ms', false, 0],
      here: got.failures.here,
      option: "TypeError",
      given: "changed my mind",
    },
    closed: "closed", is: ["ada", ["room"]], kept: 1,
  });
  assert.equal(got.failures.here[0], "bad_name");
  assert.equal(got.failures.here[2], false);
});
