// How far the log has been read. The log stays at its end unless its reader has scrolled up. Messages that come while nobody
// sees the end are counted in the title, and begin below a marker.

import { $, element } from "./view.js";

const log = $("log");
const newest = $("newest");
const title = document.title;

/** The greatest number of entries in the log. */
const maxEntries = 1000;

/** How far from its end a log is still at its end, in pixels. */
const near = 40;

/** The line above the first unread message. */
const marker = element("div", "marker", "New");
marker.setAttribute("role", "separator");
marker.setAttribute("aria-label", "New messages");

let unread = 0;

/** Whether the reader sees the end of the log, or saw it before the size of the log changed. */
let atEnd = true;
let width = log.clientWidth;
let height = log.clientHeight;

function isAtEnd() {
  const resized = log.clientWidth !== width || log.clientHeight !== height; // which has scrolled the log, not the reader
  if (!resized) atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < near;
  return atEnd;
}

const isLookedAt = () => document.visibilityState === "visible" && document.hasFocus();

/** Appends an entry to the log. The options are those of addLine. */
export function append(entry, { mine = false, news = false } = {}) {
  const follows = mine || isAtEnd();
  $("empty").hidden = true;
  log.append(entry);
  while (log.children.length > maxEntries) log.children[1].remove(); // the first is the empty state
  if (mine) forgetUnread(); // who speaks has read
  else if (news && !(follows && isLookedAt())) addUnread(entry);
  if (follows) toEnd();
  show();
}

function addUnread(entry) {
  if (unread === 0) {
    entry.before(marker);
    entry.classList.remove("more");
  }
  unread++;
}

/** Counts all messages as read, and removes the marker. */
export function forgetUnread() {
  unread = 0;
  marker.remove();
  show();
}

/** Scrolls to the end, but not past the marker of what has not been read. */
function toEnd() {
  log.scrollTop = unread > 0 ? Math.min(marker.offsetTop, log.scrollHeight) : log.scrollHeight;
  isAtEnd();
}

/** Shows the end of the log, and counts everything as read. */
export function readAll() {
  unread = 0;
  toEnd();
  show();
}

/** Scrolls by nearly a page: up if sign is -1, down if it is 1. */
export function turnPage(sign) {
  log.scrollBy(0, sign * 0.9 * log.clientHeight);
}

/** Counts everything as read if the reader sees the end. The marker stays, to show where it was. */
function look() {
  if (isAtEnd() && isLookedAt()) unread = 0;
  show();
}

function show() {
  document.title = unread > 0 ? `(${unread}) ${title}` : title;
  newest.hidden = unread === 0 || atEnd;
  $("unread").textContent = unread === 1 ? "1 new message" : `${unread} new messages`;
}

log.addEventListener("scroll", look);
addEventListener("focus", look);
document.addEventListener("visibilitychange", look);

// If the log becomes smaller, because a keyboard appears or the device is turned, its end must stay in view.
new ResizeObserver(() => {
  width = log.clientWidth;
  height = log.clientHeight;
  if (atEnd) toEnd();
}).observe(log);
