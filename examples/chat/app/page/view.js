// The parts of the page around the log. Text from others is inserted as text, never as markup.

import { badge, colour } from "./colours.js";

export const $ = (id) => document.getElementById(id);

/** Creates an element with a class and, if it is given, text. */
export function element(tag, className, text) {
  const e = document.createElement(tag);
  e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

/** Shows "lobby", "chat" or "ended". */
export function showView(name) {
  document.body.dataset.view = name;
}

/**
 * Shows the state of the connection: "disconnected", "connecting", "connected" or "lost". The banner shows why. Screen
 * readers read both aloud, once.
 */
export function showStatus(state, text, why = "") {
  const status = $("status");
  const banner = $("banner");
  if (status.firstChild.data === text && banner.textContent === why) return;
  status.dataset.state = state;
  status.replaceChildren(text);
  if (why) status.append(element("span", "unseen", ` ${why}`));
  banner.textContent = why;
  banner.hidden = !why;
}

/** Shows an error of a field, or removes it if the text is empty. */
export function showError(field, text) {
  const input = $(field);
  $(`${field}-error`).textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Shows at which node of a cluster the page is, and how many there are. */
export function showPlace(node, nodes) {
  $("node").hidden = false;
  $("node").replaceChildren("At node ", element("bdi", "", node), nodes > 1 ? `, one of ${nodes}` : "");
}

/** Shows the members, in the order in which they joined, with the nodes of those who are at another node. */
export function showPeople(members, me) {
  $("count").textContent = String(members.length);
  $("people").replaceChildren(
    ...members.map(({ id, name, node }) => {
      const item = element("li", id === me ? "me" : "");
      item.title = node ? `${name} at ${node}` : name;
      colour(item, name);
      item.append(badge(name), element("bdi", "", name));
      if (id === me) item.append(element("span", "you", " (you)"));
      if (node) item.append(element("span", "at", ` at ${node}`));
      return item;
    }),
  );
}

// Some keyboards of touch screens cover the page instead of making it smaller. Then the page is as high as its visible
// part. It is not when the user has zoomed in.
visualViewport?.addEventListener("resize", () => {
  const { height, scale } = visualViewport;
  const covered = scale === 1 && height < innerHeight;
  document.body.style.height = covered ? `${height}px` : "";
  if (covered) scrollTo(0, 0);
});
