// The elements of the page. Names from others are inserted as text, never as markup.

import { amount, duration } from "./words.js";

const $ = (id) => document.getElementById(id);

/** Creates an element with a class and, if it is given, text. */
function element(tag, className, text) {
  const e = document.createElement(tag);
  e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function button(className, act) {
  const b = element("button", className);
  b.type = "button";
  b.addEventListener("click", act);
  return b;
}

/** Shows the state of the connection: "connecting", "connected" or "lost". */
export function showStatus(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = text;
}

/** Shows why files cannot be sent, or nothing. */
export function showError(text) {
  $("send-error").textContent = text;
}

/** Says something to those who do not see the page. */
export function say(text) {
  const news = $("news");
  news.append(element("p", "", text));
  while (news.children.length > 5) news.firstElementChild.remove();
}

/** Shows the files of the folder. fetch is called for the one that a user wants. */
export function showFolder(list, fetch) {
  $("count").textContent = String(list.length);
  $("empty").hidden = list.length > 0;
  const focused = document.activeElement?.closest("#folder li")?.dataset.name;
  $("folder").replaceChildren(...list.map(({ name, size }) => {
    const item = element("li", "");
    item.dataset.name = name;
    const text = element("div", "");
    text.append(element("bdi", "name", name), element("p", "facts", amount(size)));
    const get = button("quiet", () => fetch(name, size));
    get.append("Fetch", element("span", "unseen", ` ${name}`));
    item.append(text, get);
    return item;
  }));
  if (focused !== undefined) [...$("folder").children].find((e) => e.dataset.name === focused)?.querySelector("button").focus();
}

/** The words on the first button of a transfer in each state. */
const does = { waiting: "Pause", running: "Pause", paused: "Go on", failed: "Try again", lost: "Choose it again", done: "Save" };

/** A transfer on the page. act is called for its first button, and remove for the other one. */
export class Item {
  #t;
  #element;
  #bar = element("progress", "");
  #facts = element("p", "facts");
  #error = element("p", "error");
  #act;
  #remove;

  constructor(t, act, remove) {
    this.#t = t;
    this.#element = element("li", "transfer");
    this.#element.dataset.way = t.way;
    this.#bar.max = 1;
    this.#bar.setAttribute("aria-label", `${t.way === "up" ? "Sending" : "Fetching"} ${t.name}`);
    this.#error.setAttribute("role", "alert");
    this.#act = button("quiet", act);
    this.#remove = button("quiet", remove);
    const actions = element("div", "actions");
    actions.append(this.#act, this.#remove);
    this.#element.append(element("bdi", "name", t.name), actions, this.#bar, this.#facts, this.#error);
    $("transfers").append(this.#element);
    $("under-way").hidden = false;
    this.show();
  }

  /** Shows how far the transfer is. */
  show(away = false) {
    const { state, done, size, name, way, why } = this.#t;
    this.#element.dataset.state = state;
    if (size === undefined && state === "running") this.#bar.removeAttribute("value");
    else this.#bar.value = size ? done / size : Number(state === "done");
    this.#facts.textContent = factsOf(this.#t, away);
    if (this.#error.textContent !== why) this.#error.textContent = why;
    label(this.#act, does[state], name);
    this.#act.hidden = state === "done" && way === "up";
    label(this.#remove, state === "done" ? "Remove" : "Cancel", name);
  }

  /** Removes the transfer from the page. The focus goes to what follows. */
  remove() {
    const had = this.#element.contains(document.activeElement);
    const next = this.#element.nextElementSibling ?? this.#element.previousElementSibling;
    this.#element.remove();
    $("under-way").hidden = $("transfers").children.length === 0;
    if (had) (next?.querySelector("button:not([hidden])") ?? $("choose")).focus();
  }
}

/** Puts words on a button, which a screen reader says with the name of the file. */
function label(b, text, name) {
  if (b.firstChild?.textContent === text) return;
  b.replaceChildren(text, element("span", "unseen", ` ${name}`));
}

/** What there is to know of a transfer, in a line. */
function factsOf({ state, done, size, rate, receipt, way }, away) {
  const so = size === undefined ? amount(done) : `${amount(done)} of ${amount(size)}`;
  switch (state) {
    case "waiting":
      return `${so} · waiting for its turn`;
    case "paused":
      return `${so} · paused`;
    case "lost":
      return `${so} · the page was reloaded, and needs the file again`;
    case "failed":
      return so;
    case "done":
      return [amount(done), way === "up" ? "sent" : "fetched", ...aboutReceipt(receipt)].join(" · ");
  }
  if (away) return `${so} · coming back…`;
  const facts = [so];
  if (rate > 0) facts.push(`${amount(rate)}/s`);
  if (rate > 0 && size > done) facts.push(`${duration((size - done) / rate)} left`);
  return facts.join(" · ");
}

function aboutReceipt(receipt) {
  if (!receipt) return [];
  const { from, size, sha256 } = receipt;
  if (from === 0) return [`SHA-256 ${sha256}`];
  return [from === size ? "it was there" : `went on from ${amount(from)}`, `SHA-256 ${sha256}`];
}
