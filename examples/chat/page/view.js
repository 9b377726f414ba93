// The elements of the page. Text from others is inserted as text, never as markup.

const $ = (id) => document.getElementById(id);

const log = $("log");
const people = $("people");
const newest = $("newest");

// The greatest number of entries in the log, and how long entries of one author form a block, in milliseconds.
const maxEntries = 1000;
const together = 3 * 60_000;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** Creates an element with a class and, if it is given, text. */
function element(tag, className, text) {
  const e = document.createElement(tag);
  e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

/** Returns the hue of a name's colour, in degrees. It is always the same for the same name. */
function hueOf(name) {
  let hash = 0;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 997;
  return (hash * 137) % 360;
}

/** Shows "lobby", "chat" or "ended". */
export function showView(name) {
  document.body.dataset.view = name;
}

/** Shows the state of the connection: "disconnected", "connecting", "connected" or "lost". */
export function showStatus(state, text) {
  const status = $("status");
  status.dataset.state = state;
  status.textContent = text;
}

/** Shows an error of a field, or removes it if the text is empty. */
export function showError(field, text) {
  const input = $(field);
  $(`${field}-error`).textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Shows the members, in the order in which they joined. */
export function showPeople(members, me) {
  $("count").textContent = String(members.length);
  people.replaceChildren(
    ...members.map(({ id, name }) => {
      const item = element("li", id === me ? "me" : "");
      item.title = name;
      item.append(element("bdi", "", name));
      if (id === me) item.append(element("span", "you", " (you)"));
      return item;
    }),
  );
}

/** Returns the messages that are shown, for showLines of a later page. */
export function shownLines() {
  return [...log.querySelectorAll(".entry")].map((e) => ({
    id: Number(e.dataset.id),
    from: e.querySelector(".author").textContent,
    text: e.querySelector(".text").textContent,
    mine: e.classList.contains("mine"),
    at: Number(e.dataset.at),
  }));
}

/** Shows the messages that an earlier page has shown. */
export function showLines(lines) {
  for (const line of lines) addLine(line, line.mine, line.at);
}

/** Shows a message. */
export function addLine({ id, from, text }, mine, now = Date.now()) {
  const last = log.lastElementChild;
  const entry = element("div", "entry");
  entry.dataset.id = String(id);
  entry.dataset.at = String(now);
  entry.classList.toggle("mine", mine);
  entry.classList.toggle("more", last?.dataset.id === String(id) && now - Number(last.dataset.at) < together);

  const badge = element("span", "badge", [...from][0]?.toUpperCase());
  badge.setAttribute("aria-hidden", "true");
  badge.style.setProperty("--hue", String(hueOf(from)));

  const head = element("span", "head");
  const author = element("bdi", "author", from);
  const time = element("time", "", clock.format(now));
  time.dateTime = new Date(now).toISOString();
  head.append(author, element("span", "aside-text", ": "), time);

  const body = element("span", "text", text);
  body.dir = "auto";
  entry.append(badge, head, body);
  append(entry, mine);
}

/** Shows an event, such as that somebody has joined. */
export function addNote(text, bad = false) {
  const note = element("p", "note", text);
  note.classList.toggle("bad", bad);
  append(note, false);
}

/** Removes all messages and events. */
export function clearLog() {
  for (const e of [...log.children]) if (e !== $("empty")) e.remove();
  $("empty").hidden = false;
  newest.hidden = true;
}

/** Appends an entry to the log, and scrolls to the end unless the reader has scrolled up. */
function append(entry, follow) {
  const follows = follow || isAtEnd();
  $("empty").hidden = true;
  log.append(entry);
  while (log.children.length > maxEntries) log.children[1].remove(); // the first is the empty state
  if (follows) toEnd();
  else newest.hidden = false;
}

/** Whether the reader sees the end of the log, or saw it before the size of the window changed. */
let atEnd = true;

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  atEnd = true;
  newest.hidden = true;
}

newest.addEventListener("click", () => {
  toEnd();
  $("message").focus();
});
log.addEventListener("scroll", () => {
  if (log.clientWidth !== width || log.clientHeight !== height) return; // a new size has scrolled the log, not the reader
  atEnd = isAtEnd();
  if (atEnd) newest.hidden = true;
});
// If the log becomes smaller, because a keyboard appears or the device is turned, its end must stay in view.
let width = log.clientWidth;
let height = log.clientHeight;
new ResizeObserver(() => {
  width = log.clientWidth;
  height = log.clientHeight;
  if (atEnd) toEnd();
}).observe(log);
