import assert from "node:assert/strict";
import { open, test } from "./harness.mjs";

test("calls that fail at the server are typed", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const out = {};
    for (const command of ["nobody", "buy", "fail", "panic"]) {
      out[command] = await failure(() => client.call(command, ""));
    }
    out.alive = await client.call("sum", [1]);
    return out;
  });
  const typed = { name: "HisockError", remote: true, typed: true };
  assert.equal(got.alive, 1);
  assert.deepEqual(got.buy, { ...typed, code: 1001, message: "sold out" });
  assert.deepEqual({ ...got.nobody, message: "" }, { ...typed, code: "unknown_command", message: "" });
  assert.deepEqual({ ...got.panic, message: "" }, { ...typed, code: "internal", message: "" });
  assert.deepEqual({ ...got.fail, message: "" }, { ...typed, code: "internal", message: "" });
  assert.doesNotMatch(got.fail.message, /secret/);
});

test("errors arrive whole, in both directions", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", { onError: (err) => errors.push(String(err)) });
    const out = { quota: [] };
    for (const details of [[], ['{"left":[0]}'], ["0"], ['"text"'], ["no JSON"]]) {
      const err = await client.call("quota", details).catch((e) => e);
      const shown = err.details instanceof Uint8Array ? `${err.details.length} bytes` : err.details;
      out.quota.push([err.code, err.message, err.retryAfter, shown === undefined ? "none" : shown]);
    }
    const loop = {};
    loop.self = loop;
    const thrown = {
      whole: { retryAfter: 1500.2, details: { left: 3 } },
      bytes: { details: new TextEncoder().encode('{"left":4}') },
      bare: {},
      unsendable: { retryAfter: -1, details: loop },
      large: { details: "x".repeat(2 << 20) },
    };
    for (const [command, more] of Object.entries(thrown)) {
      client.handle(command, () => {
        throw new hisock.HisockError(1001, "no", more);
      }, { as: "text" });
      out[command] = await client.call("told", command);
    }
    return { out, errors: errors.filter((e) => !e.includes("early")) };
  });
  const { out } = got;
  const quota = (details) => [1001, "too many", 5000, details];
  assert.deepEqual(out.quota, [quota("none"), quota({ left: [0] }), quota(0), quota("text"), quota("7 bytes")]);
  assert.deepEqual(out.whole, ["code 1001", "no", "1.501s", "3", "true"]);
  assert.deepEqual(out.bytes, ["code 1001", "no", "0s", "4", "true"]);
  for (const command of ["bare", "unsendable", "large"]) {
    assert.deepEqual(out[command], ["code 1001", "no", "0s", "0", "false"], command);
  }
  assert.equal(got.errors.length, 1);
  assert.match(got.errors[0], /details of an error: cannot be turned into JSON/);
});

test("a call that is aborted ends here and at the server", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const abort = new AbortController();
    const waiting = failure(() => client.call("wait", "", { signal: abort.signal }));
    const other = client.call("greet", "you", { as: "text" });
    const greeting = await other;
    abort.abort(new Error("no more"));
    const { message } = await waiting;
    await until(async () => (await client.call("abandoned")) === 1);
    const early = await failure(() => client.call("wait", "", { signal: abort.signal }));
    return { greeting, message, early: early.message, abandoned: await client.call("abandoned") };
  });
  assert.deepEqual(got, { greeting: "hello you", message: "no more", early: "no more", abandoned: 1 });
});

test("a call ends with its timeout, here and at the server", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const err = await failure(() => client.call("wait", "", { timeout: 20 }));
    await until(async () => (await client.call("abandoned")) === 1);
    return [err.code, err.remote, await client.call("sum", [2], { timeout: 60000 })];
  });
  assert.deepEqual(got, ["deadline_exceeded", false, 2]);
});

test("calls run side by side", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const waiting = client.call("wait", "").catch((err) => err.code);
    const sums = await Promise.all(Array.from({ length: 100 }, (_, i) => client.call("sum", [i, 1])));
    await client.close();
    return { sums, waiting: await waiting };
  });
  assert.deepEqual(got, { sums: Array.from({ length: 100 }, (_, i) => i + 1), waiting: "closed" });
});

test("the server calls the page", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const errors = collect();
    const client = await hisock.connect("/ws", {
      onError: (err) => errors.push(String(err)),
      handle: { atOnce: { as: "text", handler: (text) => `at once ${text}` } },
    });
    const ask = (command, value = "x") => client.call("ask", [command, value], { as: "text" });
    client.handle("later", async (text, { command, bytes }) => {
      await null;
      return `later ${text} ${command} ${bytes.length}`;
    }, { as: "text" });
    client.handle("callsBack", async (text) => client.call("greet", text, { as: "text" }), { as: "text" });
    client.handle("soldOut", () => {
      throw new hisock.HisockError(1001, "sold out here");
    }, { as: "text" });
    client.handle("denied", async () => {
      throw new hisock.HisockError("unauthorized", "not you");
    }, { as: "text" });
    client.handle("secret", async () => {
      throw new Error("the password is 1234");
    }, { as: "text" });
    client.handle("unsendable", () => () => {}, { as: "text" });
    client.handle("NaN", () => NaN, { as: "text" });
    client.handle("circle", async () => { const a = {}; a.a = a; return a; }, { as: "text" });
    client.handle("bigInside", () => [1n], { as: "text" });
    client.handle("sends", () => client.send("x", Infinity), { as: "text" });
    client.handle("reads", (text) => client.call("greet", text, { as: "number" }), { as: "text" });
    client.handle("json", (value) => String(value.a));
    const out = {};
    for (const command of [
      "atOnce", "later", "callsBack", "soldOut", "denied", "secret", "unsendable", "NaN", "circle", "bigInside", "sends", "reads", "nobody",
    ]) {
      out[command] = await ask(command);
    }
    out.json = await ask("json", '{"a": 7}');
    out.badPayload = await ask("json", "plain");
    const remove = client.handle("brief", () => "once", { as: "text" });
    out.brief = await ask("brief");
    remove();
    out.gone = await ask("brief");
    client.handle("brief", () => "twice", { as: "text" });
    remove();
    out.again = await ask("brief");
    return { out, errors: errors.filter((e) => !e.includes("early")) };
  });
  const { out } = got;
  assert.equal(out.atOnce, "answer: at once x");
  assert.equal(out.later, "answer: later x later 1");
  assert.equal(out.callsBack, "answer: hello x");
  assert.match(out.soldOut, /^failed: code 1001: .*sold out here/);
  assert.match(out.denied, /^failed: unauthorized: .*not you/);
  assert.match(out.secret, /^failed: internal error: .*the handler failed$/);
  // A value that cannot be sent is a fault of the page, and so is an answer that it cannot read.
  for (const command of ["unsendable", "NaN", "circle", "bigInside", "sends", "reads"]) {
    assert.match(out[command], /^failed: internal error: .*the handler failed$/, command);
  }
  assert.match(out.nobody, /^failed: unknown command: .*"nobody"/);
  assert.equal(out.json, "answer: 7");
  assert.match(out.badPayload, /^failed: bad payload: .*not JSON/);
  assert.deepEqual([out.brief, out.again], ["answer: once", "answer: twice"]);
  assert.match(out.gone, /^failed: unknown command/);
  const told = [
    /the password is 1234/, /TypeError: .*function cannot be sent/, /TypeError: .*answer to "NaN": the number NaN cannot be sent/,
    /TypeError: .*answer to "circle": cannot be turned into JSON/, /TypeError: .*answer to "bigInside": cannot be turned into JSON/,
    /TypeError: .*the number Infinity cannot be sent/, /reply to "greet" is not a decimal number/,
  ];
  assert.equal(got.errors.length, told.length);
  told.forEach((text, i) => assert.match(got.errors[i], text));
});

test("a handler of calls is told when its caller gives up", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    const reasons = collect();
    client.handle("slow", async (_value, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      reasons.push(signal.reason.code);
      return "too late";
    });
    const code = await client.call("giveUp", "slow", { as: "text" });
    await reasons.wait(1);
    // A handler is also told of the end of its connection.
    client.handle("slower", async (_value, { signal }) => {
      reasons.push("started");
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      reasons.push(signal.reason.code);
    });
    const asking = client.call("ask", ["slower", ""]).catch((err) => err.code);
    await reasons.wait(2);
    await client.close();
    return { code, asking: await asking, reasons: await reasons.wait(3) };
  });
  assert.deepEqual(got, { code: "deadline exceeded", asking: "closed", reasons: ["canceled", "started", "closed"] });
  assert.deepEqual(page.errors, []);
});

test("many calls of the server at once", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async () => {
    const client = await hisock.connect("/ws");
    client.handle("upper", async (text) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return text.toUpperCase();
    }, { as: "text" });
    const asked = Array.from({ length: 50 }, (_, i) => client.call("ask", ["upper", `a${i}`], { as: "text" }));
    return Promise.all(asked);
  });
  assert.deepEqual(got, Array.from({ length: 50 }, (_, i) => `answer: A${i}`));
});
