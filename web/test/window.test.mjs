// The window of a stream that a page receives. It grows and shrinks as core/internal/stream/window_test.go says for a Go program.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HisockError } from "../errors.js";
import { Stream, window } from "../engine/stream.js";
import { itemCost } from "../engine/wire.js";

const item = new Uint8Array(500);
const why = new HisockError("canceled", "test");
const bye = { code: 1, reason: "", retryAfter: 0, details: undefined };

/** The streams of a connection, and a server that sends all it may. */
class World {
  grown = 0;
  gone() {}
  ready() {}
  sayEnd() {}
  sayCredit() {}

  open(carries = false) {
    const s = new Stream(this, carries, false);
    assert.equal(s.take(), undefined);
    return s;
  }
}

/** The server sends as long as it has credit. Returns the cost of the items. */
function fill(s) {
  let cost = 0;
  for (; s.credit >= item.length + itemCost; cost += item.length + itemCost) assert.ok(s.gotItem(item, true));
  return cost;
}

/** Takes up to n items. Says whether the page waits. */
function drain(s, n = Infinity) {
  for (let i = 0; i < n; i++) if (!s.take()) return true;
  return false;
}

function grow(s) {
  for (let i = 0; i < 8; i++) {
    fill(s);
    assert.ok(drain(s));
  }
}

test("the window grows while the page takes all that comes, as far as it may", () => {
  const w = new World();
  const s = w.open();
  const first = fill(s);
  assert.ok(first > window - 1000 && first <= window, `${first}`);
  let most = 0;
  for (let i = 0; i < 10; i++) {
    assert.ok(drain(s));
    most = Math.max(most, fill(s));
  }
  assert.equal(w.grown, 2 * window);
  assert.ok(most > 2 * window && most <= 3 * window, `${most}`);
  s.abort(bye, why);
  assert.equal(w.grown, 0);
});

test("a page that takes nothing, or less than comes, has the first window", () => {
  const w = new World();
  const s = w.open();
  let waiting = fill(s);
  for (let i = 0; i < 300; i++) {
    assert.equal(drain(s, 10), false);
    waiting += fill(s) - 10 * (item.length + itemCost);
    assert.ok(waiting <= window);
  }
  assert.equal(w.grown, 0);
});

test("the windows of all streams together grow by no more than they may, and an end gives the growth back", () => {
  const w = new World();
  const streams = [w.open(), w.open(), w.open()];
  const growths = streams.map((s) => {
    const before = w.grown;
    grow(s);
    return (w.grown - before) / window;
  });
  assert.deepEqual(growths, [2, 1, 0.5]);
  const [a, b, c] = streams;
  a.gotEnd();
  assert.ok(drain(a));
  assert.equal(w.grown, 1.5 * window);
  b.stop(bye, why);
  assert.equal(w.grown, 0.5 * window);
  c.end(why);
  assert.ok(drain(c));
  assert.equal(w.grown, 0);
});

test("the window of a page that falls behind shrinks to the first one, and grows again", () => {
  const w = new World();
  const s = w.open();
  grow(s);
  assert.equal(w.grown, 2 * window);
  let waiting = fill(s);
  for (let i = 0; i < 2000; i++) {
    assert.equal(drain(s, 10), false);
    waiting += fill(s) - 10 * (item.length + itemCost);
  }
  assert.equal(w.grown, 0);
  assert.ok(waiting <= window, `${waiting}`);
  grow(s);
  assert.equal(w.grown, 2 * window);
});

test("the window grows for items that are longer than the window, too", () => {
  const w = new World();
  const s = w.open();
  const part = new Uint8Array(30_000);
  for (let n = 0; n < 40; n++) {
    for (let i = 0; i < 20; i++) assert.ok(s.gotItem(part, i === 19), "there is credit");
    assert.equal(s.take()?.length, 20 * part.length);
    assert.ok(drain(s));
  }
  assert.equal(w.grown, 2 * window);
});
