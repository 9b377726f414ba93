// Files over streams of bytes, without a server: both ends of files.js with each other, and each end with a peer that breaks the rules.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { HisockError } from "../errors.js";
import { download, MemoryTarget, receive, send, upload } from "../files.js";
import * as format from "../files/format.js";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const hex = (bytes) => sha256(bytes).toString("hex");
const bytesOf = async (blob) => Buffer.from(await blob.arrayBuffer());
const content = randomBytes(300_000);

/** Streams between two ends. */
function pair() {
  const [up, down] = [new TransformStream(), new TransformStream()];
  return [{ readable: down.readable, writable: up.writable }, { readable: up.readable, writable: down.writable }];
}

/** Streams from a peer that sends these bytes, and ends. What it is sent is dropped. */
const saying = (...parts) => ({ readable: new Blob(parts).stream(), writable: new WritableStream() });

/** A target that has that part. */
async function having(part) {
  const target = new MemoryTarget();
  const writer = (await target.open(0)).getWriter();
  await writer.write(part);
  await writer.abort();
  return target;
}

test("files of any size arrive whole", async () => {
  for (const size of [0, 1, 65_532, 65_533, 3_000_017]) {
    const bytes = randomBytes(size);
    for (const source of [new Blob([bytes]), new Blob([bytes]).stream()]) {
      const [here, there] = pair();
      const target = new MemoryTarget();
      const seen = [];
      const [sent, received] = await Promise.all([
        send(here, source, { onProgress: (p) => seen.push(p) }), receive(there, target),
      ]);
      const want = { size, from: 0, sha256: hex(bytes) };
      assert.deepEqual([sent, received], [want, want]);
      assert.ok((await bytesOf(target.blob)).equals(bytes));
      assert.deepEqual(seen[0], { from: 0, done: 0, size: source instanceof Blob ? size : undefined });
      assert.deepEqual(seen.at(-1), { from: 0, done: size, size });
    }
  }
});

test("a transfer goes on behind the first bytes of the same content, and only there", async () => {
  for (const [what, part, from] of [
    ["the beginning", content.subarray(0, 100_000), 100_000],
    ["all", content, 300_000],
    ["another beginning", randomBytes(100_000), 0],
    ["one byte is another", Buffer.concat([content.subarray(0, 99_999), Buffer.from([content[99_999] ^ 1])]), 0],
    ["longer than all", Buffer.concat([content, Buffer.from([0])]), 0],
    ["nothing", Buffer.alloc(0), 0],
  ]) {
    const [here, there] = pair();
    const target = await having(part);
    const [sent, received] = await Promise.all([send(here, new Blob([content])), receive(there, target)]);
    assert.equal(sent.from, from, what);
    assert.deepEqual(sent, received);
    assert.ok((await bytesOf(target.blob)).equals(content), what);
  }
});

test("a stream of the page is written once, and closed only if all was right", async () => {
  const got = [];
  let ended;
  const to = new WritableStream({ write: (b) => void got.push(b.slice()), close: () => (ended = "closed"), abort: () => (ended = "aborted") });
  const [here, there] = pair();
  await Promise.all([send(here, new Blob([content])), receive(there, to)]);
  assert.ok(Buffer.concat(got).equals(content));
  assert.equal(ended, "closed");

  const wrong = new WritableStream({ abort: () => (ended = "aborted") });
  await assert.rejects(receive(saying(format.offerBytes({ size: 1, seek: true }), format.offsetBytes(0), format.lengthBytes(1), "x", format.lengthBytes(0), content.subarray(0, 32)), wrong), { code: "bad_payload" });
  assert.equal(ended, "aborted");
});

test("a sender that breaks the rules", async () => {
  const { lengthBytes, offerBytes, offsetBytes } = format;
  const offer = offerBytes({ size: 3, seek: true });
  const unknown = offerBytes({ size: undefined, seek: false });
  const changed = (at, byte) => offer.map((b, i) => (i === at ? byte : b));
  const end = [lengthBytes(0), sha256("abc")];
  const rows = {
    "says nothing": [[], "protocol"],
    "is no sender": [["GET / HTTP/1.1\r\n\r\n"], "protocol"],
    "has another version": [[changed(3, 2)], "version"],
    "has unknown flags": [[changed(4, 2)], "protocol"],
    "has something where nothing is": [[changed(7, 1)], "protocol"],
    "has a size that no file has": [[changed(8, 0x80)], "protocol"],
    "has a size that no number is": [[changed(8, 0x40)], "too_big"],
    "has more than is taken": [[offerBytes({ size: 1001, seek: true })], "too_big"],
    "begins elsewhere": [[offer, offsetBytes(1)], "protocol"],
    "begins nowhere": [[offer, new Uint8Array(8).fill(255)], "protocol"],
    "sends a long chunk": [[unknown, offsetBytes(0), lengthBytes(2 ** 20 + 1)], "protocol"],
    "sends more than it has offered": [[offer, offsetBytes(0), lengthBytes(4), "abcd"], "protocol"],
    "sends less": [[offer, offsetBytes(0), lengthBytes(2), "ab", ...end], "protocol"],
    "sends more than is taken, and has not said how much": [[unknown, offsetBytes(0), lengthBytes(1000), content.subarray(0, 1000), lengthBytes(1), "x"], "too_big"],
    "ends in a chunk": [[offer, offsetBytes(0), lengthBytes(3), "ab"], "protocol"],
    "ends before the checksum": [[offer, offsetBytes(0), lengthBytes(3), "abc", lengthBytes(0)], "protocol"],
    "has a wrong checksum": [[offer, offsetBytes(0), lengthBytes(3), "abd", ...end], "bad_payload"],
  };
  for (const [what, [parts, code]] of Object.entries(rows)) {
    const target = new MemoryTarget();
    await assert.rejects(receive(saying(...parts), target, { maxSize: 1000 }), (err) => err instanceof HisockError && err.code === code, what);
    assert.equal(target.blob, undefined);
    const left = (await bytesOf(await target.part())).toString("latin1");
    assert.equal(left.length, { "ends in a chunk": 2, "ends before the checksum": 3, "sends less": 2 }[what] ?? (what.includes("not said") ? 1000 : 0), what);
  }
  const target = new MemoryTarget();
  assert.equal((await receive(saying(offer, offsetBytes(0), lengthBytes(3), "abc", ...end), target, { maxSize: 3 })).size, 3);
});

test("a receiver that breaks the rules", async () => {
  const nothing = sha256("");
  for (const [what, parts] of Object.entries({
    "says nothing": [],
    "has more than all": [format.offsetBytes(4)],
    "has more than numbers": [new Uint8Array(8).fill(255)],
    "does not say what it has": [format.offsetBytes(0), nothing.subarray(1)],
    "does not say that it is done": [format.offsetBytes(0), nothing],
    "says something else": [format.offsetBytes(0), nothing, new Uint8Array([2])],
  })) {
    await assert.rejects(send(saying(...parts), new Blob(["abc"])), { code: "protocol" }, what);
  }
});

/** A client whose streams fail one after the other, and then lead to an end. */
function clientOf(errors, other) {
  let end;
  const client = {
    opened: 0,
    closed: new Promise((resolve) => (end = resolve)),
    end: () => end(null),
    openBytes() {
      const err = errors[client.opened++];
      if (err) throw err;
      const [here, there] = pair();
      other(there).catch(() => {});
      return here;
    },
  };
  return client;
}

const lost = Object.assign(new HisockError("conn_lost", "lost"), { progress: {} });

test("what may heal is tried again, and nothing else", async () => {
  const taken = () => clientOf([], (there) => receive(there, new MemoryTarget()));
  for (const err of [lost, new HisockError("shutdown", "", { remote: true }), new HisockError("not_connected", ""), new HisockError(1001, "", { remote: true, retryAfter: 5 })]) {
    const client = Object.assign(taken(), { closed: new Promise(() => {}) });
    const { openBytes } = client;
    let failed = false;
    client.openBytes = () => {
      if (failed) return openBytes();
      failed = true;
      throw err;
    };
    assert.equal((await upload(client, "up", "", new Blob([content]))).size, 300_000, String(err.code));
  }
  for (const err of [new HisockError("name_taken", "", { remote: true }), new HisockError("protocol", ""), new TypeError("no")]) {
    const client = clientOf([err], () => {});
    await assert.rejects(upload(client, "up", "", new Blob([content])), (got) => got === err);
    assert.equal(client.opened, 1);
  }
  // A stream can be read once, and be written once.
  const once = clientOf([], async ({ readable, writable }) => {
    writable.getWriter().write(new Uint8Array(40));
    const reader = readable.getReader();
    for (let i = 0; i < 3; i++) await reader.read(); // the offer, where it begins, and a length
    await reader.cancel(lost);
  });
  const ended = clientOf([lost, lost], () => {});
  ended.end();
  await assert.rejects(download(ended, "down", "", new MemoryTarget()), (got) => got === lost);
  assert.equal(ended.opened, 1);
  await assert.rejects(upload(once, "up", "", new Blob([content]).stream()), { code: "conn_lost" });
  assert.equal(once.opened, 1);
});

test("a signal ends a transfer, and the wait for the next attempt", async () => {
  const abort = new AbortController();
  const client = clientOf([lost, lost, lost], () => {});
  const waiting = upload(client, "up", "", new Blob([content]), { signal: abort.signal });
  await new Promise((resolve) => setTimeout(resolve));
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  await assert.rejects(download(clientOf([], () => {}), "down", "", new MemoryTarget(), { signal: abort.signal }), { message: "enough" });
});

test("arguments that cannot be", async () => {
  const client = clientOf([], () => {});
  for (const call of [
    () => upload(client, "up", "", "text"), () => download(client, "down", "", {}), () => upload(client, "up", "", new Blob(), { maxSize: 1 }),
    () => download(client, "down", "", new MemoryTarget(), { maxSize: -1 }), () => upload(client, "up", "", new Blob(), { onProgress: 1 }),
    () => upload(client, "up", "", new Blob(), { signal: 1 }),
  ]) await assert.rejects(async () => call(), TypeError);
  assert.equal(client.opened, 0);
});
