// The times at which the JavaScript engine tries again, with a simulated clock and simulated luck.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../engine/pace.js";

/** Stops the clock, and makes each wait as long as possible, or as short. */
function rig(t) {
  const world = { now: 1_000_000, luck: 1 };
  t.mock.method(Date, "now", () => world.now);
  t.mock.method(Math, "random", () => world.luck);
  return world;
}

const waits = (pace, n, least = 0) => Array.from({ length: n }, () => pace.next(least));

test("the limit doubles up to its bound, and is heeded like the server's wish", (t) => {
  const world = rig(t);
  assert.deepEqual(waits(new Pace([0, 0, 0]), 8), [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  assert.deepEqual(waits(new Pace([10, 50, 0]), 4), [10, 20, 40, 50]);
  assert.deepEqual(waits(new Pace([0, 100, 0]), 2), [100, 100]);
  assert.deepEqual(waits(new Pace([60_000, 0, 0]), 2), [60_000, 60_000]);
  assert.deepEqual(waits(new Pace([0, 0, 0]), 3, 7000), [7000, 7000, 7000]);
  world.luck = 0;
  assert.deepEqual(waits(new Pace([0, 0, 0]), 2), [0, 0]);
});

test("only a connection that lasted ends the doubling, and a network that is there again", (t) => {
  rig(t);
  const pace = new Pace([100, 10_000, 0]);
  waits(pace, 5);
  pace.down(1, 0);
  assert.deepEqual(waits(pace, 2), [200, 400]);
  pace.down(1, 0);
  assert.deepEqual(waits(pace, 1), [400]);
  pace.down(10_000, 0);
  assert.deepEqual(waits(pace, 2), [100, 200]);
  pace.hurry();
  assert.deepEqual(waits(pace, 1), [100]);
});

test("while a session can be resumed the waits are short, and the last ends before it does", (t) => {
  const world = rig(t);
  const pace = new Pace([0, 0, 0]);
  pace.up(40);
  pace.down(60_000, 30_000);
  assert.equal(pace.attempt(), 5000);
  const broke = world.now;
  const times = [];
  while (world.now < broke + 29_000) {
    world.now += pace.next(0);
    times.push(world.now - broke);
  }
  assert.deepEqual(times.slice(0, 4), [500, 1500, 3500, 5500]);
  assert.equal(times.at(-1), 29_000, "a second before the session ends");
  assert.ok(pace.next(0) > 2000);
  pace.over();
  assert.equal(pace.attempt(), 15_000);
});

test("a client that has tried for long enough gives up", (t) => {
  const world = rig(t);
  const pace = new Pace([100, 100, 250]);
  assert.equal(pace.next(0), 100);
  world.now += 100;
  assert.equal(pace.next(0), 100);
  world.now += 100;
  assert.equal(pace.next(0), undefined);
});
