// The chat in a browser tab. room.go lists the messages.

import { connect } from "/hisock/hisock.js";
import { addLine, addNote, clearLog, showError, showLines, showPeople, showStatus, showView, shownLines } from "./view.js";

const $ = (id) => document.getElementById(id);

/** What speaks the protocol: the engine in JavaScript, or with "?engine=wasm" in the address the Go program. */
const engine = new URLSearchParams(location.search).get("engine") === "wasm" ? "wasm" : "js";

const name = $("name");
const message = $("message");

/** The session of this tab; null while it is not in the chat. */
let session = null;

/** One stay in the chat, from Join to the end of the client. */
class Session {
  #client;
  #me;
  #here = new Map(); // names by id
  #giveUp = new AbortController();
  #back;

  /** asked is the name to ask for. back says that the page was reloaded and shows the messages from before. */
  constructor(asked, back) {
    this.asked = asked;
    this.#back = back;
  }

  async join() {
    this.#client = await connect("/ws", {
      engine,
      name: this.asked,
      keepSession: "chat",
      signal: this.#giveUp.signal,
      onState: (state, why) => this.#changed(state, why),
      on: {
        here: (roll) => this.#entered(roll),
        joined: (who) => this.#joined(who),
        left: (who) => this.#left(who),
        renamed: (who) => this.#renamed(who),
        said: (line) => addLine(line, line.id === this.#me),
      },
    });
    this.#client.closed.then((why) => this.#ended(why));
    // The server sends the members to a newcomer by itself. After a reload the page asks for them.
    if (this.#client.resumed) this.#client.send("here");
  }

  /** The name with which to come back after a reload, or undefined if the tab is not in the chat. */
  get seat() {
    return this.#me === undefined ? undefined : this.asked;
  }

  say(text) {
    return this.#client.call("say", text, { as: "text" });
  }

  leave() {
    this.#giveUp.abort(null);
    return this.#client?.close();
  }

  #entered({ you, here }) {
    const again = this.#me !== undefined;
    this.#me = you;
    this.#here.clear();
    for (const { id, name } of here) this.#here.set(id, name);
    this.#showPeople();
    showStatus("connected", "Connected");
    if (again || (this.#back && !this.#client?.resumed)) addNote("Back again. What was said meanwhile is not here.");
    if (again) return;
    if (!this.#back) clearLog();
    showError("message", "");
    showView("chat");
    message.focus();
  }

  /** Shows that the connection has broken off, or goes on. Messages that are written meanwhile are sent later. */
  #changed(state, why) {
    if (state === "connecting") showStatus("connecting", `Connecting… ${reason(why, this.asked)}`);
    if (this.#me === undefined) return;
    if (state === "reconnecting") {
      showStatus("lost", "Coming back…");
      addNote(`${reason(why, this.asked)} Coming back…`, true);
    } else if (state === "resumed") {
      showStatus("connected", "Connected");
      addNote("Back again.");
    }
  }

  #joined({ id, name }) {
    this.#here.set(id, name);
    this.#showPeople();
    addNote(`${name} joined`);
  }

  #left({ id, name }) {
    this.#here.delete(id);
    this.#showPeople();
    addNote(`${name} left`);
  }

  #renamed({ id, name, was }) {
    this.#here.set(id, name);
    this.#showPeople();
    addNote(`${was} is called ${name} now`);
  }

  #showPeople() {
    showPeople([...this.#here].map(([id, name]) => ({ id, name })), this.#me);
  }

  #ended(why) {
    session = null;
    if (this.#me === undefined) {
      refused(this.asked, why); // it was connected, but never let in
      return;
    }
    const text = reason(why, this.asked);
    addNote(text, why !== null);
    showView("ended");
    showStatus(why ? "lost" : "disconnected", why ? "Disconnected" : "Not connected");
    $("join-title").textContent = why ? text : "Join the chat";
    $("join-hint").textContent = why ? "You can try to join again." : "You can join again at any time.";
    idle();
    $("join").focus();
  }
}

/** Returns the text for the user about why the connection has ended, or could not be made. */
function reason(why, asked) {
  if (why === null) return "You have left.";
  switch (why.code) {
    case "shutdown":
      return "The server has stopped.";
    case "name_taken":
      return `Somebody here is called “${asked}” already. Choose another name.`;
    case "bad_name":
      if (why.remote) break; // the server has words for it
      return "A name may not have invisible characters in it.";
    case "too_many_conns":
      return "The chat is full. Try again later.";
    case "conn_lost":
    case "heartbeat":
    case "write_timeout":
      return "The connection to the server was lost.";
    case "not_connected":
      return "The server cannot be reached. Is it running?";
    case "deadline_exceeded":
      return "The server does not answer.";
    case "load_failed":
      return "The chat could not be loaded from the server. Is it running?";
    case "crashed":
      return "The chat has crashed in this tab.";
  }
  return sentence(why.message) || "Something went wrong.";
}

function sentence(text) {
  if (!text) return "";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function refused(asked, why) {
  showStatus("disconnected", "Not connected");
  showView("lobby");
  showError("name", why === null ? "" : reason(why, asked));
  idle();
  name.focus();
  name.select();
}

/** Makes the button Join ready to be pressed again. */
function idle() {
  $("join").textContent = "Join";
  $("join-form").removeAttribute("aria-busy");
}

/** Joins the chat. It tries again until it succeeds or the user cancels. */
async function join(asked, back) {
  showStatus("connecting", "Connecting…");
  $("join").textContent = "Cancel";
  $("join-form").setAttribute("aria-busy", "true");
  const mine = (session = new Session(asked, back));
  try {
    await mine.join();
  } catch (err) {
    session = null;
    if (err !== null && typeof err.code === "undefined") console.error(err);
    refused(asked, err);
  }
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
  before = null;
  join(asked, false);
});

$("say-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = message.value;
  if (!session || !text.trim()) {
    message.focus();
    return;
  }
  // The field is emptied at once, so the user can type the next message. It is sent after this one.
  message.value = "";
  showError("message", "");
  message.focus();
  try {
    await session.say(text);
  } catch (err) {
    if (!message.value) message.value = text;
    showError("message", `Not sent: ${reason(err)}`);
  }
});

name.addEventListener("input", () => showError("name", ""));
message.addEventListener("input", () => showError("message", ""));
$("leave").addEventListener("click", () => session?.leave());

// A reload keeps the session and the messages that are shown, also if the tab has not joined again since the last
// reload.
let before = sessionStorage.getItem("chat");
addEventListener("pagehide", () => {
  if (session?.seat) before = JSON.stringify({ name: session.seat, lines: shownLines() });
  if (session && before) sessionStorage.setItem("chat", before);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) sessionStorage.removeItem("chat"); // the same page goes on, with everything in memory
});
if (before) {
  sessionStorage.removeItem("chat");
  const seat = JSON.parse(before);
  name.value = seat.name;
  showView("chat"); // a hidden log cannot be scrolled to its end
  showLines(seat.lines);
  join(seat.name, true);
}
