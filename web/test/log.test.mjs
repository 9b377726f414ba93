// The log of the JavaScript engine equals a plain list of frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Log, split, undelivered } from "../engine/log.js";
import { frame, kind, lengthOf, none } from "../engine/wire.js";

const hexOf = (b) => Buffer.from(b).toString("hex");

/** Adds a raw message of a size, and returns its frame. */
function add(log, size, fill) {
  const payload = new Uint8Array(size).fill(fill);
  log.add(lengthOf(undefined, undefined, payload), kind.raw, undefined, undefined, payload);
  return frame(kind.raw, undefined, undefined, payload);
}

test("whatever is written, cut and acknowledged, the server gets each frame once and in order", () => {
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 0x7fffffff) % n;
  const seen = { resumes: 0, ahead: 0, parked: 0 };
  for (let round = 0; round < 300; round++) {
    let log = new Log(1 << 20);
    log.keeps = true;
    const frames = []; // all frames, in hexadecimal
    let acked = 0;
    let written = 0;
    let peak = 0;
    let got = 0; // frames that the server has
    const size = (list) => list.reduce((sum, hex) => sum + hex.length / 2, 0);
    const check = (what) => {
      assert.equal(log.acked, acked, what);
      assert.equal(log.written, written, what);
      assert.equal(log.waiting, size(frames.slice(written)), what);
      assert.equal(log.kept, size(frames.slice(acked, written)), what);
    };
    for (let step = 0; step < 80; step++) {
      switch (random(8)) {
        case 0:
        case 1:
        case 2: {
          const most = [10, 300, 6000, 200_000][random(round % 10 === 0 ? 4 : 3)];
          frames.push(hexOf(add(log, random(most), frames.length)));
          check("add");
          break;
        }
        case 3:
        case 4: {
          const control = random(2) ? frame(kind.ping, 7) : none;
          const parts = [];
          log.flush(control, (part) => parts.push(hexOf(part)));
          assert.equal(parts.join(""), hexOf(control) + frames.slice(written).join(""));
          written = frames.length;
          peak = Math.max(peak, written);
          check("flush");
          break;
        }
        case 5: {
          got = Math.max(got, acked + random(written - acked + 1));
          assert.equal(log.ack(written + 1), false);
          if (acked > 0) assert.equal(log.ack(acked - 1), false);
          const to = acked + random(Math.min(got, written) - acked + 1);
          assert.equal(log.ack(to), true);
          acked = to;
          check("ack");
          break;
        }
        case 6: {
          // Over a new link. The server may have more frames from the former link than were written over this one.
          const received = acked + random(peak - acked + 1);
          assert.equal(log.resume(peak + 1), false);
          if (acked > 0) assert.equal(log.resume(acked - 1), false);
          assert.equal(log.resume(received), true);
          seen.resumes++;
          if (received > written) seen.ahead++;
          got = acked = written = received;
          check("resume");
          break;
        }
        case 7: {
          if (random(4) > 0) break;
          // In the next page.
          const bytes = log.bytes();
          assert.equal(hexOf(bytes), frames.slice(acked).join(""));
          log = new Log(1 << 20);
          log.restore(acked, bytes, [...split(bytes)].length);
          written = peak = frames.length;
          seen.parked++;
          check("restore");
          break;
        }
      }
    }
  }
  for (const [what, n] of Object.entries(seen)) assert.ok(n > 100, `${what}: ${n}`);
});

test("nothing is kept for a server that does not acknowledge", () => {
  const log = new Log(1000);
  add(log, 100, 1);
  log.flush(none, () => {});
  assert.deepEqual([log.kept, log.waiting, log.written], [0, 0, 1]);
  assert.equal(log.resume(1), false);
});

test("half of the limit may wait, and an empty log takes any frame", () => {
  const log = new Log(1000);
  log.keeps = true;
  assert.ok(log.admits(5000));
  add(log, 300, 1);
  assert.ok(log.admits(190) && !log.admits(210));
  log.flush(none, () => {});
  assert.ok(log.admits(690) && !log.admits(710));
  assert.match(log.noRoom(710), /710 B: 0 B wait to be written, 303 B to be acknowledged, limit 1000 B/);
  log.ack(1);
  assert.ok(log.admits(5000));
  assert.ok(!log.isOver);
  for (let i = 0; i < 700; i++) add(log, 100, 1);
  assert.ok(log.isOver);
});

test("what was not delivered is told with whether it was written", () => {
  const log = new Log(1000);
  log.keeps = true;
  const say = new TextEncoder().encode("say");
  for (let i = 0; i < 3; i++) {
    log.add(lengthOf(undefined, say, say), kind.command, undefined, say, say);
    log.add(lengthOf(9, say, none), kind.request, 9, say, none);
    if (i === 1) log.flush(none, () => {});
  }
  log.ack(1);
  assert.deepEqual(log.undelivered(), [false, "say", say, true, false, "say", say, false]);
  assert.deepEqual(undelivered(Uint8Array.of(5, 0x11), 0), [], "frames that make no sense end it");
});
