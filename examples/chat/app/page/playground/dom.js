// Short names for the elements of the page. Text from others is inserted as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** Creates an element with a class and, if it is given, text. */
export function element(tag, className, text) {
  const e = document.createElement(tag);
  e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

/** Shows what has come of something, or with bad why nothing has come of it. */
export function showResult(id, text, bad = false) {
  $(id).textContent = text;
  $(id).classList.toggle("bad", bad);
}

/** The reason of a failure, for people: its code and its words. */
export function reason(err) {
  if (!err) return "";
  const { code, message, retryAfter, details } = err;
  if (code === undefined) return message; // an argument that connect or a method refuses
  const more = [];
  if (retryAfter) more.push(`retry after ${retryAfter} ms`);
  if (details !== undefined) more.push(`details ${JSON.stringify(details)}`);
  return `${code}: ${message}${more.length > 0 ? ` (${more.join(", ")})` : ""}`;
}

/** A number of bytes. */
export function amount(n) {
  if (n < 10_000) return `${n}\u00a0B`;
  if (n < 10_000_000) return `${(n / 1000).toFixed(1)}\u00a0kB`;
  return `${(n / 1_000_000).toFixed(1)}\u00a0MB`;
}
