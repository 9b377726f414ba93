// The works of a page: each exported function measures one of them.

const { client, text } = globalThis.bench;

/** How many texts came that are not the text. */
let wrong = 0;
let got = 0;
let wanted = 0;
/** How long the handler of a text works, in milliseconds. */
let toil = 0;
let done = () => {};

await client.texts((/** @type {string} */ value) => {
  if (value !== text) wrong++;
  if (toil) spin(toil);
  if (++got === wanted) done();
});

function spin(/** @type {number} */ ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** Receives n texts, and returns how long it took, in milliseconds. */
export async function receive(/** @type {number} */ n) {
  const begun = performance.now();
  const all = new Promise((resolve) => (done = /** @type {() => void} */ (resolve)));
  got = 0;
  wanted = n;
  client.ask(n);
  await all;
  if (wrong > 0) throw new Error(`${wrong} texts are other ones`);
  return performance.now() - begun;
}

/** Sends n texts, and returns how long it took until the server had taken all, in milliseconds. */
export async function send(/** @type {number} */ n, value = text) {
  const begun = performance.now();
  for (let i = 0; i < n; i++) {
    const wait = client.send(value);
    if (wait) await wait;
  }
  const taken = await client.taken();
  if (taken !== n) throw new Error(`the server has taken ${taken} of ${n} texts`);
  return performance.now() - begun;
}

/** Calls again and again for so many milliseconds, with some calls in flight, and returns how many were answered in a second. */
export async function call(/** @type {number} */ inFlight, /** @type {number} */ ms) {
  const begun = performance.now();
  let answered = 0;
  const run = async () => {
    while (performance.now() - begun < ms) {
      if ((await client.call(text)) !== text) throw new Error("the answer has another text");
      answered++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, run));
  return (1000 * answered) / (performance.now() - begun);
}

/** Does a work for half as long, so that all is compiled, and returns how many texts are enough for so many milliseconds of it. */
export async function enough(/** @type {"receive" | "send"} */ work, /** @type {number} */ ms) {
  const run = { receive, send }[work];
  let n = 500;
  for (const part of [ms / 10, ms / 2, ms]) n = Math.min(Math.max(Math.round((n * part) / (await run(n))), 500), 300_000);
  return n;
}

/** Receives n texts whose handler works for a while, and returns how many frames the page drew in a second. */
export async function burst(/** @type {number} */ n, /** @type {number} */ ms) {
  let frames = 0;
  let over = false;
  const frame = () => {
    frames++;
    if (!over) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  toil = ms;
  const took = await receive(n);
  toil = 0;
  over = true;
  return (1000 * frames) / took;
}

/** Sets and removes n handlers, and returns how long that took, in milliseconds. */
export function handlers(/** @type {number} */ n) {
  if (!client.on) return undefined;
  const took = (/** @type {() => void} */ fn) => {
    const begun = performance.now();
    fn();
    return performance.now() - begun;
  };
  const numbers = Array.from({ length: n }, (_, i) => i);
  /** @type {(() => void)[]} */
  let removes = [];
  const set = took(() => (removes = numbers.map((i) => client.on(`name ${i}`, () => {}))));
  for (const remove of removes) remove();
  removes = numbers.map(() => client.on("name", () => {}));
  const remove = took(() => removes.forEach((remove) => remove()));
  return { set, remove };
}

/** Uploads texts once the page is hidden, or at once, and writes how long it took into the title. */
export async function upload(/** @type {URLSearchParams} */ query) {
  const hidden = query.get("hidden") === "true";
  const [n, size] = [Number(query.get("n")), Number(query.get("size"))];
  const value = text.repeat(size / text.length);
  document.title = "ready";
  while (document.hidden !== hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  const took = await send(n, value);
  document.title = document.hidden === hidden ? `took ${took}` : "failed: the page did not stay hidden";
}
