// The playground: a client that one can try, and everything that it sends and gets. playground.go has the other end.

import { connect } from "/hisock/hisock.js";
import { debugTo } from "/hisock/debug.js";
import { handlers, lineIs, showWho, use } from "./actions.js";
import { began, did } from "./code.js";
import { $, amount, reason, showResult } from "./dom.js";
import { addEvent, count, showCount } from "./list.js";

const url = "/playground/ws";

/** The client, and what gives up connecting while there is none yet. */
let client;
let connecting;
let resumed = 0;

const engineNames = { js: "JavaScript", wasm: "Go" };
const engines = document.querySelectorAll("input[name=engine]");

// As in the chat, "?engine=wasm" in the address chooses the Go program.
for (const radio of engines) radio.checked = radio.value === (new URLSearchParams(location.search).get("engine") === "wasm" ? "wasm" : "js");

/** Shows the state of the client in words: "none", "connecting", "connected" or "reconnecting". */
function showState(state, text) {
  document.body.dataset.state = state;
  $("status").textContent = text;
  $("connect").textContent = { none: "Connect", connecting: "Cancel" }[state] ?? "Disconnect";
  const off = state === "none" || state === "connecting";
  if (off && $("needs-client").contains(document.activeElement)) $("connect").focus();
  $("needs-client").disabled = off;
}

/** What the fields say. Fields that are empty are left out. */
function readOptions() {
  const options = { engine: [...engines].find((radio) => radio.checked).value };
  if ($("name").value) options.name = $("name").value;
  const groups = $("groups").value.split(",").map((group) => group.trim()).filter(Boolean);
  if (groups.length > 0) options.groups = groups;
  if ($("auth").value) options.auth = $("auth").value;
  return options;
}

async function begin() {
  const options = readOptions();
  const mine = (connecting = new AbortController());
  $("connect-error").textContent = "";
  showState("connecting", `Connecting… (${engineNames[options.engine]})`);
  began(url, options);
  try {
    client = await connect(url, {
      ...options,
      ...handlers,
      signal: mine.signal,
      // The frames are in the list already. The lines of debug say what the client goes through.
      debug: debugTo((line) => line.includes(" ● ") && addEvent(line.slice(line.indexOf("●") + 2))),
      onState: (state, why) => changed(options.engine, state, why),
      onError: (err) => addEvent(`error: ${reason(err)}`),
      onJoinGroup: () => showWho(),
      onLeaveGroup: () => showWho(),
      onRename: () => client && (showWho(), showConnected(options.engine)),
    });
  } catch (err) {
    if (connecting === mine) connecting = undefined;
    showState("none", "Not connected");
    if (!mine.signal.aborted) $("connect-error").textContent = reason(err);
    return;
  }
  connecting = undefined;
  const now = client;
  use(now);
  showConnected(options.engine);
  const out = now.refusedGroups.map(({ group, why }) => `Not in ${group}: ${reason(why)}`);
  showResult("who-result", out.join(" "), true);
  now.closed.then((why) => ended(now, why));
}

function showConnected(engine) {
  showState("connected", `Connected${client.name ? ` as ${client.name}` : ""} (${engineNames[engine]})`);
}

function changed(engine, state, why) {
  if (state === "resumed") resumed++;
  lineIs(state);
  if (state === "connecting") {
    $("status").textContent = `Connecting… ${reason(why)}`;
  } else if (client && (state === "connected" || state === "resumed")) {
    showConnected(engine);
    showWho();
  } else if (client && state === "reconnecting") {
    showState("reconnecting", "The line is down. Coming back…");
  }
}

function ended(which, why) {
  if (client !== which) return;
  client = undefined;
  use(undefined);
  showState("none", "Not connected");
  if (why) $("connect-error").textContent = reason(why);
}

async function end() {
  connecting?.abort();
  const was = client;
  if (!was) return;
  did("await client.close();");
  await was.close();
  ended(was, null);
}

$("connect-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (client || connecting) end();
  else begin();
});

// A client has the engine that it was made with: another engine needs another client.
for (const radio of engines) {
  radio.addEventListener("change", async () => {
    if (!client) return;
    await end();
    await begin();
  });
}

const facts = {
  sent: () => `${count.sent.frames}, ${amount(count.sent.bytes)}`,
  received: () => `${count.received.frames}, ${amount(count.received.bytes)}`,
  rtt: () => (client?.rtt ? `${client.rtt.toFixed(1)}\u00a0ms` : "–"),
  resumed: () => String(resumed),
  waiting: () => amount(client?.bufferedAmount ?? 0),
};

setInterval(() => {
  for (const [name, of] of Object.entries(facts)) {
    const text = of();
    if ($(`fact-${name}`).textContent !== text) $(`fact-${name}`).textContent = text;
  }
  if ($("pause").getAttribute("aria-pressed") === "true") showCount();
}, 250);

use(undefined);
showState("none", "Not connected");
