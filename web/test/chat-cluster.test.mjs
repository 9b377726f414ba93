// Several servers of examples/chat that are one chat over NATS, as users see it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { findings, findingsOnScreens } from "./axe.mjs";
import { joinTab, joinTerminal, startChat } from "./chat.mjs";
import { bundle, test } from "./harness.mjs";
import { freeAddress, go, root, scratchFolder, until } from "./programs.mjs";

const program = join(await scratchFolder("chat-nats"), "chat");
await go(join(root, "examples/chat/nats"), "build", "-o", program, ".");

const startNode = (t, nats, node, http) => startChat(t, { program, http, more: ["-bundle", bundle, "-nats", nats, "-node", node] });

test("two tabs at two nodes are in one chat, also after one node was away", async (t) => {
  const nats = await freeAddress();
  const inside = `embedded:${nats.split(":")[1]}`;
  const alpha = await startNode(t, inside, "alpha");
  const beta = await startNode(t, `nats://${nats}`, "beta");
  const ada = await joinTab(t, alpha.http, "ada");
  const bob = await joinTab(t, beta.http, "bob");
  const cleo = await joinTerminal(t, beta.tcp, "cleo");
  await until("ada sees both", async () => (await ada.people()).length === 3);
  await until("the others see her", async () => (await bob.people()).length === 3);
  assert.deepEqual(await ada.people(), ["ada (you)", "bob", "cleo"]);
  assert.deepEqual(await ada.elsewhere(), ["bob at beta", "cleo at beta"]);
  assert.deepEqual(await bob.elsewhere(), ["ada at alpha"]);
  await until("the page says where it is", async () => (await ada.node.textContent()) === "At node alpha, one of 2");
  await until("the page says where it is", async () => (await bob.node.textContent()) === "At node beta, one of 2");
  assert.ok(cleo.notes().includes("you are at node beta"));

  await bob.message.pressSequentially("he");
  await ada.typing.getByText("bob").waitFor();
  await bob.say("hello");
  await until("ada hears it", async () => (await ada.said()).length === 1);
  await ada.say("welcome");
  cleo.say("good morning");
  const all = ["bob: hello", "ada: welcome", "cleo: good morning"];
  for (const tab of [ada, bob]) {
    await until("all is heard", async () => (await tab.said()).length === 3);
    assert.deepEqual(new Set(await tab.said()), new Set(all));
  }
  assert.deepEqual(await ada.said(), await bob.said(), "all see the same order");
  const other = await joinTab(t, alpha.http, "dan");
  await until("a newcomer hears it too", async () => (await other.said()).length === 3);
  await other.page.getByRole("button", { name: "Leave" }).click();
  await until("the other node sees it", () => cleo.notes().includes("dan left"));
  assert.deepEqual(await findingsOnScreens(ada.page), [], "a page at a node");

  // NATS is in the first node, so the second one is alone without it.
  const http = new URL(alpha.http).host;
  alpha.child.kill("SIGTERM");
  assert.equal(await alpha.exited, 0, alpha.err);
  await until("bob is told", async () => /^This node is cut off/.test(await bob.banner.textContent()));
  await until("ada is gone", async () => (await bob.people()).length === 2);
  assert.equal((await bob.status.textContent()).startsWith("Connected"), true);
  assert.deepEqual(await findings(bob.page), [], "a page at a node that is cut off");
  await bob.message.fill("is somebody there?");
  await bob.message.press("Enter");

  await startNode(t, inside, "gamma", http);
  await until("ada is back", async () => (await ada.node.textContent()) === "At node gamma, one of 2");
  assert.ok((await ada.notes()).includes("You are at node gamma now"));
  await until("bob is told", () => bob.banner.isHidden());
  await until("bob sees ada", async () => (await bob.elsewhere()).includes("ada at gamma"));
  await until("what was said meanwhile has waited", async () => (await ada.said()).at(-1) === "bob: is somebody there?");
  await ada.say("I am back");
  await until("bob hears it", async () => (await bob.said()).at(-1) === "ada: I am back");
  assert.deepEqual([...ada.page.errors, ...bob.page.errors, ...bob.page.output], []);
}, ["js"]);
