// The chat in a browser tab: its forms and keys, and what is kept over a reload.

import { addNote, clearLog, showLines, shownLines } from "./log.js";
import { readAll, turnPage } from "./reading.js";
import { Session } from "./session.js";
import { $, showError, showStatus, showView } from "./view.js";
import { reason } from "./words.js";

/** What speaks the protocol: the engine in JavaScript, or with "?engine=wasm" in the address the Go program. */
const engine = new URLSearchParams(location.search).get("engine") === "wasm" ? "wasm" : "js";

/** The greatest number of messages that a page shows again after a reload. */
const keptLines = 200;

const name = $("name");
const message = $("message");

/** The session of this tab; null while it is not in the chat. */
let session = null;

/** Joins the chat. It tries again until it succeeds or the user cancels. seat is what the page had before a reload. */
async function join(asked, seat = {}) {
  showStatus("connecting", "Connecting…");
  $("join").textContent = "Cancel";
  $("join-form").setAttribute("aria-busy", "true");
  session = new Session(asked, seat, { entered: () => entered(seat.me), ended });
  try {
    await session.join(engine);
  } catch (err) {
    if (err !== null && typeof err.code === "undefined") console.error(err);
    ended(err, false);
  }
}

function entered(me) {
  if (me === undefined) clearLog();
  showError("message", "");
  showView("chat");
  message.focus();
}

/** Shows why the session has ended: by null if the user has left. wasIn says that it was let in. */
function ended(why, wasIn) {
  const asked = session.asked;
  session = null;
  $("join").textContent = "Join";
  $("join-form").removeAttribute("aria-busy");
  if (!wasIn) {
    showStatus("disconnected", "Not connected");
    showView("lobby");
    showError("name", why === null ? "" : reason(why, asked));
    name.focus();
    name.select();
    return;
  }
  const text = reason(why, asked);
  addNote(text, why !== null);
  showView("ended");
  showStatus(why ? "lost" : "disconnected", why ? "Disconnected" : "Not connected");
  $("join-title").textContent = why ? text : "Join the chat";
  $("join-hint").textContent = why ? "You can try to join again." : "You can join again at any time.";
  $("join").focus();
}

$("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (session) {
    session.leave();
    return;
  }
  const asked = name.value.trim();
  if (!asked) {
    showError("name", "Enter the name that others shall see.");
    name.focus();
    return;
  }
  showError("name", "");
  join(asked);
});

$("say-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = message.value;
  message.focus();
  if (!session || !text.trim()) return;
  // The field is emptied at once, so the user can type the next message. It is sent after this one.
  message.value = "";
  showError("message", "");
  try {
    await session.say(text);
  } catch (err) {
    if (!message.value) message.value = text;
    showError("message", `Not sent: ${reason(err)}`);
  }
});

name.addEventListener("input", () => showError("name", ""));
message.addEventListener("input", () => {
  showError("message", "");
  if (message.value.trim()) session?.typing();
});
$("leave").addEventListener("click", () => session?.leave());

/** Goes to the end of the log, and to the field for the next message if there is one. */
function toMessage() {
  readAll();
  $(document.body.dataset.view === "chat" ? "message" : "log").focus();
}

$("newest").addEventListener("click", toMessage);

// The log has the focus or not: its pages can be turned while a message is written. Escape comes back from anywhere.
message.addEventListener("keydown", (event) => {
  const sign = { PageUp: -1, PageDown: 1 }[event.key];
  if (!sign) return;
  event.preventDefault();
  turnPage(sign);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  if (document.body.dataset.view === "chat") toMessage();
  else session?.leave(); // it is still connecting
});

if (engine === "wasm") {
  $("engine").textContent = "the Go program, compiled to WebAssembly";
  $("other-engine").textContent = "Run the engine in JavaScript instead";
  $("other-engine").href = "/?engine=js";
}

// A reload keeps the session and the messages that are shown, also if the tab has not joined again since the last
// reload.
addEventListener("pagehide", () => {
  if (session?.seat) sessionStorage.setItem("chat", JSON.stringify({ ...session.seat, lines: shownLines(keptLines) }));
});
addEventListener("pageshow", (event) => {
  if (event.persisted) sessionStorage.removeItem("chat"); // the same page goes on, with everything in memory
});
const before = sessionStorage.getItem("chat");
if (before) {
  sessionStorage.removeItem("chat");
  const seat = JSON.parse(before);
  name.value = seat.name;
  showView("chat"); // a hidden log cannot be scrolled to its end
  showLines(seat.lines);
  join(seat.name, seat);
}
