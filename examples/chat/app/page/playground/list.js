// The list of the frames that have gone by, and of what has happened to the client between them. It holds the newest ones.

import { $, amount, element } from "./dom.js";
import { Splitter } from "./frames.js";
import { watcher } from "./tap.js";

const most = 500; // rows that are kept

/** How much has gone by. */
export const count = { sent: { frames: 0, bytes: 0 }, received: { frames: 0, bytes: 0 } };

const list = $("frames");
const filter = $("filter");
const way = $("way");
const upkeep = $("upkeep");
const pause = $("pause");

/** The rows on the page, oldest first, with their elements. */
let rows = [];
/** Rows that are shown at the next paint. */
let next = [];
let paused = false;
let passedBy = 0; // frames and events while paused

const arrows = { sent: "→", received: "←", event: "●" };

/** Adds a frame, or something that has happened: a row with the way "event" and a text. */
function add(row) {
  if (paused) {
    passedBy++;
    return;
  }
  next.push({ at: performance.now(), size: 0, kind: "", upkeep: false, ...row });
  if (next.length > most) next.shift(); // a hidden page is not painted
  if (next.length === 1) requestAnimationFrame(paint);
}

/** Adds something that has happened. */
export function addEvent(text) {
  add({ way: "event", text });
}

/** Whether the reader sees the newest row, or saw it before the size of the list changed. */
let atEnd = true;
let size = "";
const sizeOf = () => `${list.clientWidth} ${list.clientHeight}`;
const toEnd = () => atEnd && (list.scrollTop = list.scrollHeight);

list.addEventListener("scroll", () => {
  if (sizeOf() === size) atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40; // otherwise the new size has scrolled it
});
new ResizeObserver(() => {
  size = sizeOf();
  toEnd();
}).observe(list);

function paint() {
  for (const row of next) {
    row.element = elementOf(row);
    row.element.hidden = !isShown(row);
  }
  $("rows").append(...next.map((row) => row.element));
  rows.push(...next);
  next = [];
  for (const { element } of rows.splice(0, Math.max(0, rows.length - most))) element.remove();
  toEnd();
  showCount();
}

function elementOf({ at, way, kind, size, text }) {
  const item = element("li", "frame");
  item.dataset.way = way;
  const arrow = element("span", "arrow");
  const sign = element("span", "", arrows[way]);
  sign.setAttribute("aria-hidden", "true");
  arrow.append(sign, element("span", "unseen", way));
  item.append(element("span", "at", (at / 1000).toFixed(3)), arrow);
  if (way !== "event") item.append(element("span", "kind", kind), element("span", "size", amount(size)));
  item.append(element("bdi", "text", text));
  return item;
}

function isShown(row) {
  if (row.upkeep && !upkeep.checked) return false;
  if (way.value && row.way !== "event" && row.way !== way.value) return false;
  const wanted = filter.value.trim().toLowerCase();
  return !wanted || `${row.kind} ${row.text}`.toLowerCase().includes(wanted);
}

function filterAll() {
  for (const row of rows) row.element.hidden = !isShown(row);
  atEnd = true;
  toEnd();
  showCount();
}

/** Says how much is shown. */
export function showCount() {
  const shown = rows.filter((row) => !row.element.hidden).length;
  const parts = [`${shown} of the last ${rows.length} shown`];
  if (rows.length === most) parts.push(`no more than ${most} are kept`);
  if (paused) parts.push(`paused, ${passedBy} have gone by`);
  const text = `${parts.join("; ")}.`;
  if ($("shown").textContent !== text) $("shown").textContent = text;
}

for (const e of [filter, way, upkeep]) e.addEventListener("input", filterAll);

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused && passedBy > 0) addEvent(`${passedBy} have gone by during the pause`);
  passedBy = 0;
  showCount();
});

$("clear").addEventListener("click", () => {
  rows = [];
  $("rows").replaceChildren();
  showCount();
});

// What goes over the sockets.

/** The two directions of each socket. @type {WeakMap<WebSocket, Record<string, Splitter>>} */
const splitters = new WeakMap();

Object.assign(watcher, {
  opened: () => addEvent("a WebSocket is open"),
  closed: (_, code) => addEvent(`the WebSocket is closed, code ${code}`),
  refused: () => addEvent("no WebSocket: the line is down"),
  passed(socket, way, bytes) {
    if (!splitters.has(socket)) splitters.set(socket, { sent: new Splitter("sent"), received: new Splitter("received") });
    count[way].bytes += bytes.length;
    for (const frame of splitters.get(socket)[way].push(bytes)) {
      count[way].frames++;
      add({ way, ...frame });
    }
  },
});
