// What is shown. Everything that comes from others goes in as text, never as markup.

const $ = (id) => document.getElementById(id);

const log = $("log");
const people = $("people");
const newest = $("newest");

// How many entries are kept, and for how long entries of one author stand together.
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

/** A colour for a name, always the same. */
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

/** Shows what is wrong with a field, or with an empty text that nothing is. */
export function showError(field, text) {
  const input = $(field);
  $(`${field}-error`).textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Shows who is here: members in the order in which they came. */
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

/** What is shown of what was said, for showLines of a later page. */
export function shownLines() {
  return [...log.querySelectorAll(".entry")].map((e) => ({
    id: Number(e.dataset.id),
    from: e.querySelector(".author").textContent,
    text: e.querySelector(".text").textContent,
    mine: e.classList.contains("mine"),
    at: Number(e.dataset.at),
  }));
}

/** Shows what an earlier page had shown. */
export function showLines(lines) {
  for (const line of lines) addLine(line, line.mine, line.at);
}

/** Shows what somebody said. */
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

/** Shows that something happened. */
export function addNote(text, bad = false) {
  const note = element("p", "note", text);
  note.classList.toggle("bad", bad);
  append(note, false);
}

/** Shows none of what was said before. */
export function clearLog() {
  for (const e of [...log.children]) if (e !== $("empty")) e.remove();
  $("empty").hidden = false;
  newest.hidden = true;
}

/** Adds to the log, and follows it to its end unless the reader has gone up to read. */
function append(entry, follow) {
  const follows = follow || isAtEnd();
  $("empty").hidden = true;
  log.append(entry);
  while (log.children.length > maxEntries) log.children[1].remove(); // the first is the empty state
  if (follows) toEnd();
  else newest.hidden = false;
}

/** Whether the reader sees the end, or did before the window changed. */
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
  if (log.clientWidth !== width || log.clientHeight !== height) return; // the window has scrolled it, not the reader
  atEnd = isAtEnd();
  if (atEnd) newest.hidden = true;
});
// A smaller or narrower window, such as one with a keyboard in it or one that was turned, must not hide the end.
let width = log.clientWidth;
let height = log.clientHeight;
new ResizeObserver(() => {
  width = log.clientWidth;
  height = log.clientHeight;
  if (atEnd) toEnd();
}).observe(log);
