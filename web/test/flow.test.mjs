// The bytes of streams that are under way, over a simulated path. Only the path moves the clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outgoing } from "../engine/outgoing.js";
import { Splitter } from "../engine/splitter.js";
import { Streams } from "../engine/streams.js";
import { itemCost, kind, lengthOf, none } from "../engine/wire.js";

/** Bytes after which the server grants credit anew: a quarter of its window. */
const quarter = 64 << 10;

/** The time that a process has of its processor: some milliseconds, and then none for a while that is so long in the mean. */
class Turns {
  #from = 0;
  #to = 0;
  #random = 1;

  constructor(away) {
    this.away = away;
  }

  /** When the process can do what comes then. */
  next(when) {
    while (when >= this.#to) {
      this.#random = (this.#random * 48_271) % 0x7fffffff;
      this.#from = this.#to + (2 * this.away * this.#random) / 0x7fffffff;
      this.#to = this.#from + 3;
    }
    return Math.max(when, this.#from);
  }
}

/**
 * A path to a server: rate bytes a millisecond up, and delay milliseconds each way. Bytes that do not fit through wait in
 * front of it. The answers of the server never wait.
 */
class World {
  now = 1000;
  #due = [];
  #busyUntil = 0;
  #split = new Splitter(1 << 20);
  streams;
  out = new Outgoing(1 << 20, true);
  taken = new Map(); // bytes by stream
  frames = 0;
  most = 0; // bytes that waited in front of the path
  maxFrame = 1 << 20;
  ended = undefined;
  #last = 0;
  #answered = new Map();
  #owed = new Map(); // bytes of credit by stream

  constructor(t, rate, delay, away = 0) {
    this.page = new Turns(away);
    this.server = new Turns(away);
    t.mock.method(performance, "now", () => this.now);
    Object.assign(this, { rate, delay });
    this.client = { nextStream: () => (this.#last += 2) + 1 };
    this.streams = new Streams(this, 1 << 20);
    const write = (bytes) => {
      const copy = bytes.slice();
      this.#busyUntil = Math.max(this.#busyUntil, this.now) + copy.length / this.rate;
      this.most = Math.max(this.most, (this.#busyUntil - this.now) * this.rate);
      this.at(this.server.next(this.#busyUntil + this.delay), () => this.#arrive(copy));
    };
    this.out.attach({ write }, 0);
    this.streams.relinked();
  }

  refusal() {}
  sendOwn() {}

  at(when, what) {
    let i = this.#due.length;
    while (i > 0 && this.#due[i - 1].when > when) i--;
    this.#due.splice(i, 0, { when, what });
  }

  /** Lets time pass until a condition holds. Events of the same time happen one after the other, as in a page. */
  async until(done) {
    for (;;) {
      for (let i = 0; i < 5; i++) await undefined; // microtasks of the page
      if (done()) return;
      const { when, what } = this.#due.shift();
      this.now = Math.max(this.now, when);
      what();
    }
  }

  async pass(ms) {
    let over = false;
    this.at(this.now + ms, () => (over = true));
    await this.until(() => over);
  }

  /** The server takes the bytes that have come, and answers. */
  #arrive(bytes) {
    this.#split.push(bytes);
    while (this.#split.next()) {
      const k = this.#split.kind;
      const body = this.#split.body();
      if (k !== kind.ping) this.frames++;
      const { frames } = this;
      const answer = (fn) => this.at(this.page.next(this.now + this.delay), fn);
      if (k === kind.ping) {
        const nonce = body.number();
        if (this.answersOthers) answer(() => this.streams.superseded());
        else answer(() => (this.out.gotAck(frames), this.streams.answered(BigInt(nonce))));
      } else if (k === kind.streamItem || k === kind.streamPart) {
        const id = body.number();
        const n = body.rest().length;
        this.taken.set(id, (this.taken.get(id) ?? 0) + n);
        const owed = (this.#owed.get(id) ?? 0) + n + itemCost;
        this.#owed.set(id, owed < quarter ? owed : 0);
        if (owed >= quarter) answer(() => this.streams.gotCredit(id, owed));
      } else if (k === kind.request) {
        const id = body.number();
        answer(() => this.#answered.get(id)());
      }
    }
  }

  /** Sends bytes without end. */
  upload() {
    const s = this.streams.open(new Uint8Array([97]), none, false, true);
    s.gotCredit(4 * quarter);
    s.onChange = () => {
      while (s.hasRoom) s.send(new Uint8Array(16 << 10));
    };
    s.onChange();
    return s;
  }

  /** Calls the server, and returns the milliseconds that the call took. */
  async call() {
    const begin = this.now;
    let done = false;
    const id = this.#last += 2;
    this.#answered.set(id, () => (done = true));
    this.out.add(lengthOf(id, none, none), kind.request, id, none, none);
    await this.until(() => done);
    return this.now - begin;
  }

  total() {
    return [...this.taken.values()].reduce((a, b) => a + b, 0);
  }
}

for (const [delay, n] of [[5, 1], [20, 1], [100, 1], [20, 4]]) {
  test(`over a slow path of ${2 * delay} ms a call beside ${n} uploads takes at most twice as long, and the path is used`, async (t) => {
    const w = new World(t, 1000, delay); // 8 Mbit/s
    const alone = await w.call();
    for (let i = 0; i < n; i++) w.upload();
    const calls = [];
    let [begin, before] = [w.now, 0];
    for (let i = 0; i < 200; i++) {
      if (i === 30) [begin, before] = [w.now, w.total()]; // the window has been found by then
      await w.pass(37);
      const took = await w.call();
      if (i >= 30) calls.push(took);
    }
    calls.sort((a, b) => a - b);
    const used = (w.total() - before) / (w.now - begin) / w.rate;
    t.diagnostic(`a call takes ${alone} ms alone, ${calls[166]} ms beside 98 of 100 times and ${calls.at(-1)} ms at most; the path is used to ${used}`);
    assert.ok(calls[166] <= 2 * alone && calls.at(-1) <= 2.5 * alone, `${calls.slice(-9)} beside ${alone}`);
    assert.ok(used > 0.65, `the path is used to ${used}`);
    for (const bytes of w.taken.values()) assert.ok(bytes > (w.total() / n) * 0.9, "the streams share the path");
  });
}

test("a path is used also if both ends are busy with other things", async (t) => {
  for (const [rate, delay, away, share] of [[5000, 10, 10, 0.4], [1000, 20, 10, 0.5], [1000, 5, 3, 0.6]]) {
    const w = new World(t, rate, delay, away);
    w.upload();
    await w.pass(3000);
    const before = w.total();
    await w.pass(3000);
    const used = (w.total() - before) / 3000 / rate;
    t.diagnostic(`a path of ${rate} B/ms is used to ${used}`);
    assert.ok(used > share, `the path is used to ${used}`);
  }
});

test("over a path that is fast and long as much is under way as there is credit for", async (t) => {
  const w = new World(t, 100_000, 20);
  w.upload();
  await w.pass(1000);
  const before = w.total();
  await w.pass(1000);
  const perRound = ((w.total() - before) / 1000) * 40;
  assert.ok(perRound > 200 << 10, `${perRound} B a round trip`);
});

test("a path that becomes slower is seen, and one that becomes faster again", async (t) => {
  const w = new World(t, 5000, 20);
  w.upload();
  await w.pass(5000);
  w.rate = 500;
  await w.pass(5000);
  w.most = 0;
  await w.pass(5000);
  assert.ok(w.most < 80 * w.rate, `${w.most} B wait before a path that carries ${40 * w.rate} B in a round trip`);
  w.rate = 5000;
  await w.pass(5000);
  const before = w.total();
  await w.pass(1000);
  assert.ok(w.total() - before > 0.65 * 1000 * w.rate, `${w.total() - before} B in a second`);
});

test("streams go on when the server has answered other pings than their probes", async (t) => {
  const w = new World(t, 1000, 20);
  w.upload();
  await w.pass(1000);
  w.answersOthers = true;
  await w.pass(200);
  w.answersOthers = false;
  await w.pass(1000);
  const before = w.total();
  await w.pass(1000);
  assert.ok(w.total() - before > 500_000, `${w.total() - before} B in a second`);
});

test("what is known to have arrived is what the server has", async (t) => {
  const w = new World(t, 1000, 20);
  const s = w.upload();
  for (let i = 0; i < 100; i++) {
    await w.pass(50);
    assert.ok(s.delivered <= w.total() && w.total() <= s.sent, `${s.delivered} ≤ ${w.total()} ≤ ${s.sent}`);
  }
  assert.ok(s.delivered > s.sent / 2);
});
