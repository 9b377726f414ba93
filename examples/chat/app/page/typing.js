// Who is typing, in a line below the log.

import { $ } from "./view.js";

/** How long after a note a member is shown, in milliseconds: longer than the notes of a page are apart. */
const lasts = 6000;

/** The names of those who type, and their timers, by id. */
const typists = new Map();

/** Shows for a while that a member is typing. */
export function showTypist({ id, name }) {
  clearTimeout(typists.get(id)?.timer);
  typists.set(id, { name, timer: setTimeout(() => removeTypist(id), lasts) });
  show();
}

/** Removes a member who has said it, or has left. */
export function removeTypist(id) {
  clearTimeout(typists.get(id)?.timer);
  if (typists.delete(id)) show();
}

/** Removes everybody. */
export function removeTypists() {
  for (const id of [...typists.keys()]) removeTypist(id);
}

function show() {
  const names = [...typists.values()].map(({ name }) => `\u2068${name}\u2069`); // a name cannot turn the text around it
  const [first, second, ...others] = names;
  let text = "";
  if (others.length > 0) text = `${first}, ${second} and ${others.length === 1 ? "1 other" : `${others.length} others`} are typing…`;
  else if (second) text = `${first} and ${second} are typing…`;
  else if (first) text = `${first} is typing…`;
  $("typing").textContent = text;
}
