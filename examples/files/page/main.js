// Files in a browser tab: the page sends files to the folder of a server, and fetches files from it. server.go has the other end.

import { connect } from "/hisock/hisock.js";
import { keep, recall } from "./kept.js";
import { Transfer } from "./transfer.js";
import { Item, say, showError, showFolder, showStatus } from "./view.js";
import { reason } from "./words.js";

const $ = (id) => document.getElementById(id);

/** What speaks the protocol: the engine in JavaScript, or with "?engine=wasm" in the address the Go program. */
const engine = new URLSearchParams(location.search).get("engine") === "wasm" ? "wasm" : "js";

const atOnce = 3; // transfers that run

let client;
let away = true; // the connection has broken off, or is not made yet
/** The transfers on the page, with their items. @type {Map<Transfer, Item>} */
const items = new Map();

/** Adds a transfer to the page. */
function add(t) {
  items.set(t, new Item(t, () => act(t), () => remove(t)));
  return t;
}

function show(t) {
  items.get(t)?.show(away);
}

/** Lets a transfer begin, or go on, once it has its turn. */
function start(t) {
  t.state = "waiting";
  show(t);
  next();
}

/** Runs those that wait, while not too many run. */
function next() {
  const all = [...items.keys()];
  let running = all.filter((t) => t.state === "running").length;
  for (const t of all) {
    if (!client || t.state !== "waiting" || running >= atOnce) continue;
    running++;
    t.run(client, () => show(t)).then(() => over(t));
  }
}

/** Says what has become of a transfer that does not run any more. */
async function over(t) {
  if (t.state === "done") {
    say(t.way === "up" ? `${t.name} is in the folder.` : `${t.name} has been fetched.`);
    if (t.way === "down") await save(t);
  }
  next();
}

/** Does what the first button of a transfer says. */
async function act(t) {
  switch (t.state) {
    case "waiting":
    case "running":
      t.pause();
      say(`${t.name} is paused.`);
      show(t);
      next();
      return;
    case "lost":
      $("choose").click();
      return;
    case "done":
      await save(t);
      return;
  }
  start(t);
}

async function remove(t) {
  const item = items.get(t);
  items.delete(t);
  item?.remove();
  next();
  await t.forget();
}

/** Hands a file that was fetched to the browser, which puts it where downloads are. */
async function save(t) {
  const file = await t.fetched();
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = t.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // long after the browser has begun to read it
}

/** Sends a file, or goes on with it. */
function send(file) {
  const before = [...items.keys()].find((t) => t.way === "up" && t.name === file.name && t.state !== "done");
  if (before && before.state !== "lost" && before.state !== "failed") return; // it is under way
  const t = before ?? add(new Transfer("up", file.name, file.size, file));
  Object.assign(t, { file, size: file.size });
  start(t);
}

/** Fetches a file, or goes on with it. */
function fetchFile(name, size) {
  const before = [...items.keys()].find((t) => t.way === "down" && t.name === name);
  if (before?.state === "running" || before?.state === "waiting") return;
  start(before ?? add(new Transfer("down", name, size)));
}

async function refresh() {
  try {
    const list = await client.call("list");
    showFolder(list.map(({ Name, Size }) => ({ name: Name, size: Size })), fetchFile);
  } catch {} // the connection is gone, and comes back with another list
}

/** Takes files that were chosen or dropped. */
function take(files) {
  showError("");
  for (const file of files) send(file);
}

$("choose").addEventListener("change", ({ target }) => {
  take([...target.files]);
  target.value = ""; // the same file may be chosen again
});

const drop = $("drop");
addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const dropped = [...event.dataTransfer.items].filter((i) => i.kind === "file");
  const folders = dropped.filter((i) => i.webkitGetAsEntry?.()?.isDirectory);
  take(dropped.filter((i) => !folders.includes(i)).map((i) => i.getAsFile()));
  if (folders.length > 0) showError("A folder cannot be sent: choose the files in it.");
});
addEventListener("pagehide", () => keep([...items.keys()]));

function changed(state, why) {
  away = state !== "connected" && state !== "resumed";
  if (!away) showStatus("connected", "Connected");
  else if (state === "connecting" && why) showStatus("connecting", `Connecting… ${reason(why)}`);
  else if (state === "reconnecting" || state === "disconnected") showStatus("lost", `Coming back… ${why ? reason(why) : ""}`);
  for (const t of items.keys()) show(t);
  if (state === "connected" && client) refresh(); // perhaps another server, with other files
}

const { transfers, goOn } = await recall();
for (const t of transfers) add(t);
try {
  client = await connect("/ws", { engine, groups: ["pages"], on: { changed: () => refresh() }, onState: changed });
  next();
  client.closed.then((why) => showStatus("lost", `Disconnected. ${reason(why)}`));
  refresh();
  for (const t of goOn) start(t);
} catch (err) {
  showStatus("lost", `Not connected. ${reason(err)}`);
}
