// The entries of the log. Text from others is inserted as text, never as markup.

import { badge, colour } from "./colours.js";
import { append, forgetUnread } from "./reading.js";
import { $, element } from "./view.js";

const log = $("log");

// How long messages of one author form a block, in milliseconds, and how long after old messages the log is read aloud
// again.
const together = 3 * 60_000;
const quiet = 500;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Returns a time of today as 14:03, and an earlier one with its day. */
function timeText(at) {
  const today = new Date(at).toDateString() === new Date().toDateString();
  return (today ? clock : date).format(at);
}

/**
 * Shows a message. mine says that this tab has sent it. news says that it is counted as unread if the reader does not see it.
 */
export function addLine({ id, from, text, at = Date.now() }, { mine, news }) {
  const last = log.lastElementChild;
  const block = last?.dataset.id === id && last.dataset.from === from && at - Number(last.dataset.at) < together;
  const entry = element("div", "entry");
  Object.assign(entry.dataset, { id, from, at });
  entry.classList.toggle("mine", mine);
  entry.classList.toggle("more", block);
  colour(entry, from);

  const head = element("span", "head");
  const time = element("time", "", timeText(at));
  time.dateTime = new Date(at).toISOString();
  head.append(element("bdi", "author", from), element("span", "unseen", ": "), time);

  const body = element("span", "text", text);
  body.dir = "auto";
  entry.append(badge(from), head, body);
  append(entry, { mine, news });
}

/** Shows an event, such as that somebody has joined. */
export function addNote(text, bad = false) {
  const note = element("p", "note", text);
  note.classList.toggle("bad", bad);
  append(note);
}

/** Removes all messages and events. */
export function clearLog() {
  forgetUnread();
  for (const e of [...log.children]) if (e !== $("empty")) e.remove();
  $("empty").hidden = false;
}

/** Screen readers do not read old messages aloud, of which there may be many. */
export function readAloud(on) {
  if (!on) log.setAttribute("aria-live", "off");
  else setTimeout(() => log.removeAttribute("aria-live"), quiet);
}

/** Returns the last messages that are shown, for showLines of a later page. */
export function shownLines(most) {
  return [...log.querySelectorAll(".entry")].slice(-most).map((e) => ({
    id: e.dataset.id,
    from: e.dataset.from,
    text: e.querySelector(".text").textContent,
    at: Number(e.dataset.at),
    mine: e.classList.contains("mine"),
  }));
}

/** Shows the messages that an earlier page has shown. */
export function showLines(lines) {
  for (const line of lines) addLine(line, { mine: line.mine, news: false });
}
