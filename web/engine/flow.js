// How many bytes of all streams of a connection may be under way: written, and not known to have arrived. More would fill the buffers
// of the browser, of the system and of the path, and every other frame would wait behind them.
//
// Probes are pings that are written among the frames, four for each window. The answer to a probe tells how long the way to the server
// and back takes, and that all bytes before the probe have arrived. The least time is the time of the way without a queue. The window
// grows while answers take little longer than the least time, and shrinks when they take longer by more than the slack, which
// is some third of the least time. An answer may also take long because the page or the server had no processor for it, or
// because of a radio network: the quickest of the last answers counts, and the slack is more where the times of successive
// answers differ much. The path is always busy that way, and the queue before it stays short. At first the window doubles with
// each round, until there is a queue. A queue that stays would be taken for a longer path, so once in measureEvery nothing is
// sent for one round. core/internal/stream/flow.go does the same for a Go program.

/** @typedef {import("./stream.js").Stream} Stream */
/**
 * A probe that is under way.
 *
 * @typedef {object} Probe
 * @property {bigint} nonce
 * @property {number} at time of its write, in milliseconds
 * @property {number} upTo bytes sent before the probe
 * @property {number} had bytes that had arrived at that time
 * @property {number} hadAt time at which the last of these bytes had arrived, or the time of the write if nothing was under way
 * @property {boolean} full whether the window was full at that time
 * @property {number} got bytes of the server's items at that time
 */

const firstWindow = 16 << 10; // bytes
const minWindow = 2 << 10; // bytes
const minPiece = 512; // bytes
const maxPiece = 16 << 10; // bytes: a call waits for no more
const maxProbes = 8;
const latest = 4; // number of the last answers, the quickest of which counts: the others may have waited for a processor
const samples = 16; // number of the last answers whose times are compared
const slackPart = 0.3; // slack as a part of the least time
const bothPart = 0.7; // part of the slack that is left if the server sends items, too
const unsteadyPart = 1; // slack as a part of the mean difference between the times of two successive answers
const mostLess = 0.5; // least part of the window that is left when it shrinks
const minSlack = 2; // milliseconds
const halfLife = 1000; // milliseconds after which the best rate counts half
const measureEvery = 10_000; // milliseconds
const probeBit = 1n << 62n; // bit in the nonces of probes; other nonces of a connection do not have it

export class Flow {
  /** Bytes of items that the server has sent. */
  got = 0;

  #most; // the greatest window, in bytes
  #window; // bytes that may be under way
  #ramp; // bytes that may be under way while the window fills again

  // The bytes from #arrived to #sent are under way.
  #sent = 0;
  #arrived = 0;
  #arrivedAt = -Infinity; // time of the last growth of #arrived
  /** @type {{ s: Stream, units: number, end: number }[]} */
  #parcels = [];

  /** The probes that are under way, in order. @type {Probe[]} */
  #probes = [];
  #count = 0; // number of probes so far
  #probed = 0; // bytes before the last probe

  #starting = true; // no queue has been seen yet
  #round = 0; // #sent at the last doubling or shrinking of the window
  #least = 0; // least time to the server and back in milliseconds, 0 until it is known
  #leastAt = 0; // time at which the least time was seen last
  /** How long the last answers took, in milliseconds. @type {number[]} */
  #tooks = [];
  #best = 0; // greatest rate of the path lately, in bytes a millisecond
  #bestAt = 0; // time at which #best was set
  #draining = false; // nothing is sent until all has arrived
  #measures = true; // nothing is under way: the next probe finds no queue of ours

  /** @param {number} most the greatest number of bytes that may be under way */
  constructor(most) {
    this.#most = Math.max(most, minWindow);
    this.#window = this.#ramp = Math.min(firstWindow, this.#most);
  }

  /** Begins anew over another link. The bytes that were under way are written again, and may be many. */
  relink() {
    this.#window = this.#ramp = Math.min(firstWindow, this.#most);
    this.#starting = true;
    this.#probes = [];
    this.#tooks = [];
    this.#best = 0;
    this.#probed = this.#arrived;
    this.#arrivedAt = -Infinity;
    this.#least = this.#leastAt = this.#round = 0;
    this.#draining = this.#inFlight > 0;
    this.#measures = !this.#draining;
  }

  get #inFlight() {
    return this.#sent - this.#arrived;
  }

  get #bound() {
    return Math.min(this.#window, this.#ramp);
  }

  /**
   * Says whether a frame of that size may be sent. If nothing is under way any frame may.
   *
   * @param {number} size
   */
  admits(size) {
    return this.#inFlight === 0 || (!this.#draining && this.#inFlight + size <= this.#bound);
  }

  /** How many bytes of an item are sent in one frame. */
  get piece() {
    return Math.min(Math.max(this.#window >> 3, minPiece), maxPiece);
  }

  /**
   * Begins a measurement if it is time for one. If nothing is under way the window fills as answers come: all of its bytes at once
   * would wait before the path.
   *
   * @param {number} now
   */
  look(now) {
    if (this.#inFlight === 0 && (this.#measures || now - this.#arrivedAt > this.#least)) {
      this.#ramp = Math.max(Math.floor(this.#window / 3), minWindow);
    }
    if (this.#least > 0 && !this.#measures && !this.#draining && now - this.#leastAt >= measureEvery) {
      this.#draining = this.#inFlight > 0;
      this.#measures = !this.#draining;
    }
  }

  /** Whether a probe is to be written before what is sent next. */
  get measures() {
    return this.#measures;
  }

  /**
   * Notes that a frame of a stream is written.
   *
   * @param {Stream} s
   * @param {number} size
   * @param {number} units items that end in it, or bytes
   */
  send(s, size, units) {
    this.#sent += size;
    const last = this.#parcels.at(-1);
    if (last?.s === s && last.end > this.#probed) {
      last.units += units;
      last.end = this.#sent;
    } else {
      this.#parcels.push({ s, units, end: this.#sent });
    }
  }

  /**
   * Says whether a probe is to be written now.
   *
   * @param {boolean} blocked nothing more can be sent before something has arrived
   */
  wants(blocked) {
    if (this.#sent === this.#probed || this.#probes.length >= maxProbes) return false;
    if (this.#draining || this.#sent - this.#probed >= this.#window >> 2) return true;
    return blocked && this.#probes.length === 0;
  }

  /**
   * Returns the nonce of a probe that is written now.
   *
   * @param {number} now
   * @param {boolean} blocked
   */
  probe(now, blocked) {
    const nonce = probeBit | BigInt(++this.#count);
    this.#probes.push({
      nonce, at: now, upTo: this.#sent, had: this.#arrived, got: this.got,
      hadAt: this.#inFlight === 0 || this.#arrivedAt === -Infinity ? now : this.#arrivedAt,
      full: blocked || this.#inFlight >= this.#bound / 2,
    });
    this.#measures = false;
    this.#probed = this.#sent;
    return nonce;
  }

  /**
   * Forgets all probes: the server may have answered another ping in their place, because it answers only the last of the pings that
   * arrive together. Then another probe is needed.
   */
  superseded() {
    if (this.#probes.length === 0) return;
    this.#probes = [];
    this.#probed = this.#arrived;
  }

  /**
   * Notes the answer to a probe. The answers to earlier probes may have been left out.
   *
   * @param {bigint} nonce
   * @param {number} now
   */
  answered(nonce, now) {
    const i = this.#probes.findIndex((p) => p.nonce === nonce);
    const p = this.#probes[i];
    if (!p) return;
    this.#probes.splice(0, i + 1);
    const took = Math.max(now - p.at, 0.001);
    const n = p.upTo - p.had;
    this.#ramp = Math.min(this.#ramp + Math.max(p.upTo - this.#arrived, 0), this.#most);
    this.#arrive(p.upTo, now);
    if (this.#least === 0 || took <= this.#least || (n === 0 && now - this.#leastAt >= measureEvery)) {
      this.#least = took;
      this.#leastAt = now;
    } else if (took <= this.#least * 1.125) {
      this.#leastAt = now;
    }
    if (this.#draining && this.#inFlight === 0) {
      this.#draining = false;
      this.#measures = true;
    }
    this.#tooks.push(took);
    if (this.#tooks.length > samples) this.#tooks.shift();
    // A window that doubles must see the first queue, so until there was one the last answer counts.
    const quickest = Math.min(...this.#tooks.slice(this.#starting ? -1 : -latest));
    if (n > 0) this.#adapt(p, n / Math.max(now - p.hadAt, 0.001), quickest, now);
  }

  /**
   * Sets the window after the answer to a probe.
   *
   * @param {Probe} p
   * @param {number} rate of the path, in bytes a millisecond
   * @param {number} took milliseconds to the answer
   * @param {number} now
   */
  #adapt(p, rate, took, now) {
    let changes = 0;
    for (let i = 1; i < this.#tooks.length; i++) changes += Math.abs(/** @type {number} */ (this.#tooks[i]) - /** @type {number} */ (this.#tooks[i - 1]));
    const unsteady = changes / Math.max(this.#tooks.length - 1, 1);
    let slack = Math.max(this.#least * slackPart, unsteady * unsteadyPart, minSlack);
    if (this.got - p.got > (p.upTo - p.had) / 32) slack = Math.max(slack * bothPart, minSlack); // the server has a queue, too, and the two add up
    this.#best = Math.max(rate, this.#best * 2 ** (-(now - this.#bestAt) / halfLife));
    this.#bestAt = now;
    const queue = took - this.#least;
    const news = p.had >= this.#round; // all bytes before the last change have arrived
    if (queue > slack && this.#starting) {
      this.#starting = false;
      this.#resize(rate * (this.#least + slack));
      this.#round = this.#sent;
    } else if (queue > slack / 2 && this.#starting) {
      this.#starting = false;
    } else if (queue > slack && news) {
      // As many bytes as the path carries in the least time make no queue.
      this.#resize(Math.max(this.#window * Math.max((this.#least + slack) / took, mostLess), this.#best * this.#least));
      this.#round = this.#sent;
    } else if (queue > slack * 0.75) {
      // The queue is long enough.
    } else if (p.full && !this.#starting) {
      this.#resize(this.#window + this.#window / 16 + 1);
    } else if (p.full && news) {
      this.#resize(2 * this.#window);
      this.#round = this.#sent;
    }
    // If less is sent than might be, a path that is quick all the same takes more at a time.
    if (queue <= slack * 0.75) this.#resize(Math.max(this.#window, rate * (this.#least + slack * 0.75)));
  }

  /** @param {number} window */
  #resize(window) {
    this.#window = Math.min(Math.max(Math.floor(window), minWindow), this.#most);
  }

  /** @param {number} upTo @param {number} now */
  #arrive(upTo, now) {
    if (upTo <= this.#arrived) return;
    this.#arrived = upTo;
    this.#arrivedAt = now;
    let n = 0;
    for (const { s, units, end } of this.#parcels) {
      if (end > upTo) break;
      s.delivered += units;
      n++;
    }
    this.#parcels.splice(0, n);
  }
}
