import assert from "node:assert/strict";
import { open, test } from "./harness.mjs";

test("once, and handlers that a signal removes", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "number", onError() {} });
    const seen = collect();
    const abort = new AbortController();
    const once = (n) => seen.push(["once", n]);
    client.once("reflected", once);
    client.on("reflected", (n) => seen.push(["on", n]), { signal: abort.signal });
    client.once("reflected", (n) => seen.push(["removed", n]))();
    client.once("reflected", () => seen.push("text"), { as: "text", signal: AbortSignal.abort() });
    client.send("reflect", "no number");
    client.send("reflect", 1);
    client.send("reflect", 2);
    await client.call("sum", []);
    client.once("reflected", once);
    client.off("reflected", once);
    abort.abort();
    client.send("reflect", 3);
    await client.call("sum", []);
    const gone = new AbortController();
    client.handle("who", () => "me", { as: "text", signal: gone.signal });
    const asked = [await client.call("ask", ["who", ""], { as: "text" })];
    gone.abort();
    asked.push(await client.call("ask", ["who", ""], { as: "text" }));
    return [...seen, asked[0], asked[1].split(":")[1]];
  });
  assert.deepEqual(got, [["once", 1], ["on", 1], ["on", 2], "answer: me", " unknown command"]);
});

test("handlers may come and go while a message is handled, and many are as good as few", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "text", onError() {} });
    const seen = [];
    let removeLast = () => {};
    client.on("reflected", (text) => {
      seen.push(`first ${text}`);
      removeLast();
      if (text === "a") client.on("reflected", (text) => seen.push(`added ${text}`));
    });
    removeLast = client.on("reflected", (text) => seen.push(`last ${text}`));
    client.send("reflect", "a");
    client.send("reflect", "b");
    await client.call("sum", []);
    let count = 0;
    const removes = Array.from({ length: 10_000 }, () => client.on("n", () => count++));
    client.send("flood", 1);
    await client.call("sum", []);
    for (const remove of removes.reverse().slice(1)) remove();
    client.send("flood", 1);
    await client.call("sum", []);
    return [seen, count];
  });
  assert.deepEqual(got, [["first a", "first b", "added b"], 10_001]);
});

test("a command is waited for", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { as: "text", onError() {} });
    const abort = new AbortController();
    const waits = {
      next: client.waitFor("reflected"),
      where: client.waitFor("reflected", { as: "number", where: (n, info) => n > 1 && info.command === "reflected" }),
      late: failure(() => client.waitFor("nothing", { timeout: 20 })),
      aborted: failure(() => client.waitFor("nothing", { signal: abort.signal })),
      early: failure(() => client.waitFor("nothing", { signal: AbortSignal.abort(new Error("too early")) })),
      thrown: failure(() => client.waitFor("reflected", { where: () => { throw new Error("where"); } })),
      name: failure(() => client.waitFor("a\nb")),
      option: failure(() => client.waitFor("reflected", { when: 1 })),
    };
    abort.abort(new Error("enough"));
    for (const n of ["1", "2", "3"]) client.send("reflect", n);
    const out = {};
    for (const [what, wait] of Object.entries(waits)) {
      const value = await wait;
      out[what] = value.message ? value.code ?? value.message : value;
    }
    const closing = failure(() => client.waitFor("reflected"));
    await client.close();
    out.closed = (await closing).code;
    out.over = (await failure(() => client.waitFor("reflected"))).code;
    return out;
  });
  assert.match(got.option, /unknown option "when"/);
  assert.deepEqual({ ...got, option: "" }, {
    next: "1", where: 2, late: "deadline_exceeded", aborted: "enough", early: "too early", thrown: "where", name: "bad_name",
    option: "", closed: "closed", over: "not_connected",
  });
});

test("commands and raw messages are iterated over, and what waits is bounded", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", { onError: (err) => errors.push(err.code) });
    const numbers = [];
    const iterator = client.commands("n");
    client.send("flood", 3000);
    for await (const n of iterator) {
      numbers.push(n);
      if (n % 1000 === 500) await new Promise((resolve) => setTimeout(resolve));
      if (n === 2999) break;
    }
    const after = (await iterator.next()).done;
    const few = errors.length;
    client.send("flood", 1);
    await errors.wait(few + 1);

    const slow = client.commands("n");
    client.send("flood", 10_010);
    await client.call("sum", []);
    let taken = 0;
    const over = await failure(async () => {
      for await (const n of slow) taken += n >= 0;
    });

    const abort = new AbortController();
    const aborted = client.commands("n", { signal: abort.signal });
    const waiting = failure(() => aborted.next());
    abort.abort(new Error("enough"));

    client.sendRaw("one");
    const texts = [];
    for await (const bytes of client.rawMessages()) {
      texts.push(new TextDecoder().decode(bytes));
      if (texts.length === 2) break;
      client.sendRaw("two");
    }
    const left = client.rawMessages();
    const pending = left.next();
    await left.return();
    client.sendRaw("three");
    const three = new TextDecoder().decode(await client.recvRaw());

    const closed = (async () => {
      for await (const n of client.commands("n")) numbers.push(n);
      for await (const n of client.rawMessages()) numbers.push(n);
      return "in order";
    })();
    await client.close();
    const ended = await failure(() => client.commands("n").next());
    return {
      inOrder: numbers.every((n, i) => n === i) && numbers.length, after, taken, over: over.code, aborted: (await waiting).message, texts,
      pending: (await pending).done, three, closed: await closed, ended: ended.code,
    };
  });
  assert.deepEqual(got, {
    inOrder: 3000, after: true, taken: 10_000, over: "slow_consumer", aborted: "enough", texts: ["back: one", "back: two"],
    pending: true, three: "back: three", closed: "in order", ended: "not_connected",
  });
});

test("once the page has closed the client no handler is given a message", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", { onError: (err) => errors.push(err.code) });
    let count = 0;
    let closing;
    client.on("n", () => {
      count++;
      closing ??= client.close();
    });
    client.on("n", () => count++);
    client.onMessage(({ command }) => (count += command === "n"));
    const before = errors.length;
    client.send("flood", 5000);
    await until(() => closing !== undefined);
    await closing;
    return [count, client.state, errors.length - before];
  });
  assert.deepEqual(got, [1, "disconnected", 0]);
});

test("a handler's promise of another realm, and one that is only like a promise, is reported if it rejects", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const other = document.body.appendChild(document.createElement("iframe")).contentWindow;
    const client = await hisock.connect("/ws", { as: "text", onError: (err) => errors.push(err.message) });
    client.on("reflected", other.eval("async () => { throw new Error('there') }"));
    client.on("reflected", () => ({ then: (_, reject) => reject(new Error("like")) }));
    client.send("reflect", 1);
    await until(() => errors.includes("there") && errors.includes("like"));
    return "both";
  });
  assert.equal(got, "both");
  assert.deepEqual(page.errors, []);
});

test("each of several changes of the name that arrive together shows its own", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws", { name: "a" });
    const seen = collect();
    client.onRename((old, name) => seen.push([old, name, client.name]));
    for (const name of ["b", "c", "d"]) client.send("call me", name);
    await seen.wait(3);
    await Promise.all([client.rename("e"), client.rename("f")]);
    const last = client.name;
    await seen.wait(5);
    await client.close();
    return { seen: [...seen], last, after: client.name };
  });
  assert.deepEqual(got, {
    seen: [["a", "b", "b"], ["b", "c", "c"], ["c", "d", "d"], ["d", "e", "e"], ["e", "f", "f"]], last: "f", after: "f",
  });
});
