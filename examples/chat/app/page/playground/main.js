// The playground: a client that one can try, and everything that it sends and gets. playground.go has the other end.

import { connect } from "/hisock/hisock.js";
import { handlers, lineIs, showWho, use } from "./actions.js";
import { began, did } from "./code.js";
import { $, amount, reason, showResult } from "./dom.js";
import { addEvent, count, showCount } from "./list.js";

const url = "/playground/ws";

/** The client, and what gives up connecting while there is none yet. */
let client;
let connecting;
let leaving; // the client that is being closed
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
  began(url, options.auth ? { ...options, auth: "…" } : options); // auth is a secret, so it is not shown
  let now;
  try {
    now = await connect(url, {
      ...options,
      ...handlers,
      signal: mine.signal,
      // The option debug would say this too, but no more than 500 lines in 10 s.
      onState: (state, why) => {
        addEvent(`${state}${why ? `, ${reason(why)}` : ""}`);
        if (now ? client === now : connecting === mine) changed(options.engine, state, why);
      },
      onUndelivered: (messages) => addEvent(`${messages.length} messages were not delivered`),
      onMissed: (n) => addEvent(`the server has dropped ${n} frames`),
      onError: (err) => addEvent(`error, ${reason(err)}`),
      log: (message, details) => addEvent(`${message}, ${JSON.stringify(details)}`),
      onJoinGroup: () => showWho(),
      onLeaveGroup: () => showWho(),
      onRename: () => client && (showWho(), showConnected(options.engine)),
    });
  } catch (err) {
    if (connecting !== mine) return; // the next one is under way
    connecting = undefined;
    showState("none", "Not connected");
    if (!mine.signal.aborted) $("connect-error").textContent = reason(err);
    return;
  }
  if (mine.signal.aborted) {
    now.close(); // it was too late to give up
    if (connecting === mine) connecting = undefined;
    if (!connecting) showState("none", "Not connected");
    return;
  }
  connecting = undefined;
  client = now;
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
    if (document.body.dataset.state !== "reconnecting") showState("reconnecting", "The line is down. Coming back…");
  } else if (client && state === "disconnected" && why) {
    showState("reconnecting", `${reason(why)} – coming back…`); // for good if ended follows
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
  if (leaving !== was) did("await client.close();");
  leaving = was;
  await was.close();
  ended(was, null);
}

$("connect-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (client || connecting) end();
  else begin();
});

// A client has the engine that it was made with: another engine needs another client. One change waits for the one before.
let changing = Promise.resolve();
for (const radio of engines) {
  radio.addEventListener("change", () => {
    changing = changing.then(async () => {
      if (!client && !connecting) return;
      await end();
      begin(); // not waited for: the next change may give it up
    });
  });
}

const facts = {
  sent: () => `${count.sent.frames} frames, ${amount(count.sent.bytes)}`,
  received: () => `${count.received.frames} frames, ${amount(count.received.bytes)}`,
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
