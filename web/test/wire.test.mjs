// The JavaScript engine's codec against the vectors that all implementations of the format share.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { nameFault } from "../engine/names.js";
import { narrow, sizeOf } from "../engine/numbers.js";
import * as read from "../engine/read.js";
import { Splitter } from "../engine/splitter.js";
import * as wire from "../engine/wire.js";
import { root } from "./programs.mjs";

const vectors = async (name) => JSON.parse(await readFile(join(root, "core/wire/testdata", name), "utf8"));
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hexOf = (b) => Buffer.from(b).toString("hex");
const limits = { maxName: 128, maxGroups: 64, maxAddr: 512 };
const { kind } = wire;

/** Frames that this engine neither writes nor reads: it ignores claims that calls wait for each other. */
const unused = /^standstill/;

/** Returns the name of a kind in the vectors. */
const nameOf = (key) => key.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);
const kindOf = (name) => kind[Object.keys(kind).find((key) => nameOf(key) === name)] ?? Number(name.replace("kind ", ""));

/** Kinds that only a server reads. */
const written = new Set([kind.hello, kind.askJoin, kind.askLeave, kind.askRename]);

const goodbye = ({ code, reason, retryAfter, details }) => ({ code, reason, retryAfter, details });

/** Reads a frame into the fields of the vectors. */
function fieldsOf(k, c) {
  switch (k) {
    case kind.welcome:
      return read.readWelcome(c.rest(), limits);
    case kind.refuse:
    case kind.goodbye:
      return goodbye(c.goodbye());
    case kind.command:
      return { name: c.text(Infinity), payload: c.rest() };
    case kind.request:
      return { id: c.number(), name: c.text(Infinity), payload: c.rest() };
    case kind.reply:
      return { id: c.number(), payload: c.rest() };
    case kind.failure: {
      const id = c.number();
      const { reason: message, ...more } = read.readFailure(c);
      return { id, message, ...more };
    }
    case kind.stream: {
      const { name, ...more } = read.readStream(c);
      return { name: new TextDecoder().decode(name), ...more };
    }
    case kind.streamItem:
    case kind.streamPart:
      return read.readItem(c, k === kind.streamItem);
    case kind.streamCredit:
      return read.readCredit(c);
    case kind.streamEnd: {
      const id = c.number();
      const { reason: message, ...more } = c.goodbye();
      return { id, message, ...more };
    }
    case kind.cancel:
    case kind.ping:
    case kind.pong:
    case kind.ack:
    case kind.missed: {
      const v = c.number();
      c.done();
      return k === kind.cancel ? { id: v } : k === kind.ping || k === kind.pong ? { nonce: v } : { received: v };
    }
    case kind.joinGroup:
    case kind.leaveGroup:
    case kind.rename:
    case kind.replayEnd:
      return { name: read.readName(c) };
    case kind.joined:
    case kind.left: {
      const { address: addr, ...who } = read.readPresence(c, limits);
      return { ...who, addr };
    }
    case kind.renamed: {
      const { address: addr, ...who } = read.readRenamed(c, limits);
      return { ...who, addr };
    }
    case kind.replay: {
      const { last: number, ...r } = read.readReplay(c, limits.maxName);
      return { ...r, number };
    }
    case kind.groupCommand:
      return { group: c.text(Infinity), number: c.positive(), name: c.text(Infinity), payload: c.rest() };
    case kind.groupRaw:
      return { group: c.text(Infinity), number: c.positive(), payload: c.rest() };
    case kind.groupPassed: {
      const passed = { group: c.text(Infinity), number: c.positive() };
      c.done();
      return passed;
    }
    default:
      return { payload: c.rest() };
  }
}

/** Returns fields in the form of the vectors: numbers as text, bytes in hexadecimal, no zero values. */
function plain(fields) {
  const out = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || value === false || value === 0 || value === 0n || value.length === 0) continue;
    if (typeof value === "number" || typeof value === "bigint") out[key] = String(value);
    else if (value instanceof Uint8Array) out[key] = hexOf(value);
    else if (value === true) out[key] = value;
    else if (key === "refused") out[key] = value.map(plain);
    else out[key] = value;
  }
  return out;
}

const number = (text = "0") => narrow(BigInt(text));
const text = (value) => new TextEncoder().encode(value ?? "");

/** Writes a frame that a client sends, or returns nothing. */
function frameOf(k, v) {
  const bye = () => wire.goodbyeBody({
    code: Number(v.code ?? 0), reason: v.reason ?? v.message ?? "", retryAfter: Number(v.retryAfter ?? 0), details: v.details && bytes(v.details),
  }, wire.defaultMaxFrame);
  switch (k) {
    case kind.hello: {
      if (number(v.version) !== 1) return undefined; // this engine says its own version
      const { auth, session, token, positions, metadata = {} } = v;
      return wire.helloFrame({
        ...v, received: number(v.received), maxFrame: Number(v.maxFrame ?? 0), ackBytes: Number(v.ackBytes ?? 0),
        auth: auth && bytes(auth), session: session && bytes(session), token: token && bytes(token),
        metadata: Object.entries(metadata).sort().flat(),
        positions: positions?.map((p) => ({ group: p.group, epoch: number(p.epoch), number: number(p.number) })),
      });
    }
    case kind.command:
      return wire.frame(k, undefined, text(v.name), bytes(v.payload ?? ""));
    case kind.raw:
      return wire.frame(k, undefined, undefined, bytes(v.payload ?? ""));
    case kind.request:
      return wire.frame(k, number(v.id), text(v.name), bytes(v.payload ?? ""));
    case kind.reply:
      return wire.frame(k, number(v.id), undefined, bytes(v.payload ?? ""));
    case kind.failure:
      return wire.frame(k, number(v.id), undefined, bye());
    case kind.cancel:
      return wire.frame(k, number(v.id));
    case kind.stream:
      return wire.frame(k, number(v.id), undefined, wire.streamBody(Number(v.credit ?? 0), v.silent ?? false, text(v.name), bytes(v.payload ?? "")));
    case kind.streamItem:
    case kind.streamPart:
      return wire.frame(k, number(v.id), undefined, bytes(v.payload ?? ""));
    case kind.streamCredit:
      return wire.frame(k, number(v.id), undefined, wire.join([number(v.credit)]));
    case kind.streamEnd:
      return wire.frame(k, number(v.id), undefined, bye());
    case kind.ping:
    case kind.pong:
      return wire.frame(k, number(v.nonce));
    case kind.ack:
      return wire.frame(k, number(v.received));
    case kind.goodbye:
      return wire.frame(k, undefined, undefined, bye());
    case kind.askJoin:
    case kind.askLeave:
    case kind.askRename:
      return wire.frame(k, number(v.id), text(v.name), v.epoch ? wire.join([number(v.epoch), number(v.number)]) : undefined);
  }
  return undefined;
}

test("frames are written and read as the vectors say", async () => {
  const seen = new Set();
  for (const { name, kind: kindName, fields, hex, parseOnly } of await vectors("vectors.json")) {
    if (unused.test(kindName)) continue;
    const what = `${kindName}: ${name}`;
    const k = kindOf(kindName);
    // At once, and byte by byte.
    for (const step of [hex.length, 2]) {
      const split = new Splitter(wire.defaultMaxFrame);
      let found = 0;
      for (let i = 0; i < hex.length; i += step) {
        split.push(bytes(hex.slice(i, i + step)));
        while (split.next()) found++;
      }
      assert.deepEqual([found, split.kind, split.size], [1, k, 0], what);
      if (!written.has(k)) {
        const got = plain(fieldsOf(k, split.body()));
        assert.deepEqual(got, fields, what);
        seen.add(k);
      }
    }
    const frame = parseOnly ? undefined : frameOf(k, fields);
    if (frame) {
      assert.equal(hexOf(frame), hex, what);
      seen.add(k);
    }
  }
  for (const [key, k] of Object.entries(kind)) assert.ok(seen.has(k), `a vector for ${key}`);
});

test("faults are found as the vectors say", async () => {
  const codes = { 6: "bad_name", 7: "too_big", 8: "protocol", 22: "too_many_groups" };
  let tried = 0;
  for (const { name, hex, code } of await vectors("faults.json")) {
    if (unused.test(name)) continue;
    const split = new Splitter(wire.defaultMaxFrame);
    let mine = true;
    const fault = () => {
      split.push(bytes(hex));
      assert.ok(split.next(), `${name}: the frame is whole`);
      mine = !written.has(split.kind);
      if (mine) fieldsOf(split.kind, split.body());
    };
    try {
      fault();
      assert.ok(!mine, `${name}: no fault was found`);
    } catch (err) {
      assert.equal(err.code, codes[code], `${name}: ${err}`);
      assert.equal(err.name, "HisockError");
      tried++;
    }
  }
  assert.ok(tried > 105, `${tried} faults were tried`);
});

test("numbers of every size", () => {
  for (let bits = 0n; bits <= 64n; bits++) {
    for (const near of [-1n, 0n, 1n]) {
      const v = (1n << bits) + near;
      if (v >= 1n << 64n || v < 0n) continue;
      const b = wire.join([narrow(v)]);
      const c = new read.Cursor(b);
      const got = c.number();
      assert.equal(BigInt(got), v);
      assert.equal(typeof got, v <= BigInt(Number.MAX_SAFE_INTEGER) ? "number" : "bigint");
      c.done();
      assert.equal(sizeOf(got), b.length);
    }
  }
});

test("what comes in pieces of any size is what was sent", () => {
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 0x7fffffff) % n;
  for (let round = 0; round < 200; round++) {
    const frames = Array.from({ length: 1 + random(30) }, () => {
      const payload = new Uint8Array(random(round % 10 === 0 ? 70_000 : 300)).map(() => random(256));
      return wire.frame(kind.raw, undefined, undefined, payload);
    });
    const all = wire.join(frames);
    const split = new Splitter(1 << 20);
    const got = [];
    for (let at = 0; at < all.length; ) {
      const to = Math.min(all.length, at + 1 + random(random(2) ? 10_000 : 40));
      split.push(all.slice(at, to));
      at = to;
      while (split.next()) got.push(wire.frame(split.kind, undefined, undefined, split.body().rest()));
    }
    assert.equal(hexOf(wire.join(got)), hexOf(all));
    assert.equal(split.size, 0);
  }
});

test("a reason is cut at the end of a character, and details that do not fit are left out", () => {
  const body = (reason, details, limit = wire.defaultMaxFrame) => {
    const c = new read.Cursor(wire.goodbyeBody({ code: 1, reason, retryAfter: 0.5, details }, limit));
    return c.goodbye();
  };
  for (const text of ["é", "🚀", "a", "€"]) {
    const { reason } = body(text.repeat(2000));
    assert.ok(reason.endsWith("…") && new TextEncoder().encode(reason).length <= 1024, text);
    assert.equal(reason.replaceAll(text, ""), "…");
  }
  assert.equal(body("x".repeat(1024)).reason, "x".repeat(1024));
  assert.equal(body("why").retryAfter, 1);
  assert.equal(body("why", new Uint8Array(100), 512).details.length, 100);
  assert.equal(body("why", new Uint8Array(600), 512).details, undefined);
});

test("names are what Go takes for names", async () => {
  const source = await readFile(join(root, "core/wire/name_rune.go"), "utf8");
  const bad = [...source.matchAll(/^\t\{(0x[0-9a-f]+), (0x[0-9a-f]+)\},/gm)].map(([, first, last]) => [Number(first), Number(last)]);
  assert.ok(bad.length > 25);
  const isBad = new Uint8Array(0x110000).fill(1, 0, 0x20);
  for (const [first, last] of bad) isBad.fill(1, first, last + 1);
  for (let plane = 0; plane < 17; plane++) isBad.fill(1, plane * 0x10000 + 0xfffe, (plane + 1) * 0x10000);
  const wrong = [];
  for (let r = 0; r < 0x110000; r++) {
    if ((nameFault(`a${String.fromCodePoint(r)}b`, 6, 128) !== "") !== (isBad[r] === 1)) wrong.push(r.toString(16));
  }
  assert.deepEqual(wrong, []);
  for (const name of [" a", "a ", ""]) assert.notEqual(nameFault(name, name.length, 128), "");
});
