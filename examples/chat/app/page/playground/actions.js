// What the buttons do with a client.

import { did, literal } from "./code.js";
import { $, element, reason, showResult } from "./dom.js";
import { streams } from "./streams.js";
import { holdDown } from "./tap.js";

/** The client of the page. The buttons are disabled while there is none. */
let client;

/** Whose buttons these are from now on. */
export function use(next) {
  client = next;
  if (!client) mend?.();
  showWho();
}

/** Shows the name and the groups that the client has. */
export function showWho() {
  const { name = "", groups = [] } = client ?? {};
  $("now-name").textContent = name || "no name";
  $("now-groups").textContent = groups.length > 0 ? `in ${groups.join(", ")}` : "in no group";
  const to = $("to");
  const chosen = to.value;
  const option = (value, text) => Object.assign(element("option", "", text), { value });
  to.replaceChildren(option("", "only me"), ...groups.map((group) => option(group, group)));
  to.value = groups.includes(chosen) ? chosen : (groups[0] ?? "");
}

/** Does something that may fail, and says what has come of it. */
async function attempt(result, act) {
  try {
    showResult(result, (await act()) ?? "");
  } catch (err) {
    showResult(result, reason(err), true);
  }
}

const on = (id, type, act) => $(id).addEventListener(type, act);
const onSubmit = (id, act) => on(id, "submit", (event) => {
  event.preventDefault();
  act(event);
});

// The line.

let brokenAt = 0;

/** Says how the line is. */
export function lineIs(state) {
  if (state === "reconnecting") brokenAt ||= performance.now();
  if (state === "resumed") showResult("line-result", `Back after ${Math.round(performance.now() - brokenAt)} ms, and nothing was lost.`);
  if (state === "resumed" || state === "connected") brokenAt = 0;
}

/** What lets the line be whole again; undefined unless it is held down. @type {(() => void) | undefined} */
let mend;

/** Holds the line down for a time in milliseconds. */
function keepDown(ms) {
  holdDown(ms);
  const timer = ms < Infinity ? setTimeout(() => mend?.(), ms) : 0;
  $("cut").textContent = "Mend";
  mend = () => {
    mend = undefined;
    clearTimeout(timer);
    holdDown(0);
    $("cut").textContent = "Cut";
    client?.retryNow();
  };
}

onSubmit("line-form", () => attempt("line-result", () => {
  if (mend) return mend();
  if (client.state !== "connected") throw new Error("The line is down already.");
  const ms = Number($("down").value);
  client.send("cut");
  did(`client.send("cut");`);
  if (ms === 0) return "";
  keepDown(ms);
  return ms < Infinity ? `The line is down for ${ms / 1000} s.` : "The line is down until you mend it.";
}));

// Send.

const maxSaid = 60; // lines that are kept
let said = 0;

/** Shows a message from the server. */
function received(text) {
  $("said").append(element("p", "", text));
  while ($("said").children.length > maxSaid) $("said").firstElementChild.remove();
  $("said").scrollTop = $("said").scrollHeight;
  $("said-count").textContent = String(++said);
}

/** The handlers of the client. */
export const handlers = {
  on: { said: ({ from, group, text }) => received(`${from || "somebody"}${group ? ` to ${group}` : ""}: ${text}`) },
  handle: { question: { handler: (question) => `${question} Yes.`, as: "text" } },
  onRaw: (bytes) => received(`raw: ${new TextDecoder().decode(bytes)}`),
};

const words = (text) => ({ group: $("to").value, text });

onSubmit("send-form", () => attempt("send-result", () => {
  const value = words($("text").value);
  client.send("say", value);
  did(`client.send("say", ${literal(value)});`);
}));

on("send-many", "click", () => attempt("send-result", () => {
  const { group, text } = words($("text").value);
  for (let i = 1; i <= 50; i++) client.send("say", { group, text: `${text} ${i}` });
  did(`for (let i = 1; i <= 50; i++) client.send("say", { group: ${literal(group)}, text: ${literal(`${text} `)} + i });`);
}));

on("send-raw", "click", () => attempt("send-result", () => {
  client.sendRaw($("text").value);
  did(`client.sendRaw(${literal($("text").value)});`);
}));

// Call.

const calls = {
  echo: { value: "hello", hint: "Answers with what it is given: a text or JSON." },
  slow: { value: "3000", hint: "Answers after so many milliseconds, 10,000 at most." },
  fail: { value: "", hint: "Fails with a code, details and a time to wait." },
  ask: { value: "Is it there?", hint: "The server asks the page back, and answers with its answer." },
};

const value = $("value");

/** JSON if it is JSON, and text otherwise. */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function showCall() {
  const call = calls[$("call").value];
  value.value = call.value;
  value.disabled = call.value === "";
  $("call-hint").textContent = call.hint;
}

on("call", "input", showCall);
showCall();

/** What gives up the calls that are under way. */
const underWay = new Set();

onSubmit("call-form", () => attempt("call-result", async () => {
  const name = $("call").value;
  const argument = value.disabled ? undefined : valueOf(value.value);
  const giveUp = new AbortController();
  const begun = performance.now();
  showResult("call-result", "");
  underWay.add(giveUp);
  $("give-up").disabled = false;
  did(name === "fail"
    ? `await client.call("fail").catch(({ code, message, retryAfter, details }) => console.log(code, message, retryAfter, details));`
    : `console.log(await client.call("${name}", ${literal(argument)}, { as: "text" }));`);
  try {
    const answer = await client.call(name, argument, { as: "text", signal: giveUp.signal });
    return `${answer} (${(performance.now() - begun).toFixed(1)} ms)`;
  } finally {
    underWay.delete(giveUp);
    if (underWay.size === 0) rest();
  }
}));

/** Disables the button that gives up, without a loss of the focus. */
function rest() {
  if (document.activeElement === $("give-up")) $("make-call").focus();
  $("give-up").disabled = true;
}

on("give-up", "click", () => {
  for (const giveUp of underWay) giveUp.abort(new Error("Given up, here and at the server."));
});

// Streams.

const many = $("many");
const progress = $("stream-progress");

function showStream() {
  const { unit, most, usual } = streams[$("stream").value];
  $("many-label").textContent = unit;
  many.max = String(most);
  many.value = String(usual);
}

on("stream", "input", showStream);
showStream();

/** What stops the stream that runs. @type {AbortController | undefined} */
let running;

onSubmit("stream-form", async () => {
  if (running) {
    running.abort(new Error("Stopped, here and at the server."));
    return;
  }
  const stream = streams[$("stream").value];
  const n = Number(many.value);
  const isWrong = !Number.isInteger(n) || n < 1 || n > stream.most;
  many.setAttribute("aria-invalid", String(isWrong));
  if (isWrong) {
    showResult("stream-result", `Choose a whole number from 1 to ${stream.most}.`, true);
    many.focus();
    return;
  }
  running = new AbortController();
  $("start").textContent = "Stop";
  showResult("stream-result", "");
  progress.value = 0;
  did(stream.code(n));
  await attempt("stream-result", async () => {
    const end = await stream.run(client, n, running.signal, (done) => (progress.value = done / n));
    progress.value = 1;
    return `${end[0].toUpperCase()}${end.slice(1)}.`;
  });
  running = undefined;
  $("start").textContent = "Start";
});

// Name and groups.

onSubmit("who-form", ({ submitter }) => attempt("who-result", async () => {
  const what = submitter?.value ?? "join";
  const name = $("new-name").value.trim();
  did(`await client.${what}(${literal(name)});`);
  await client[what](name);
  showWho();
  return { join: `Joined ${name}.`, leave: `Left ${name}.`, rename: name ? `Renamed to ${name}.` : "Without a name now." }[what];
}));
