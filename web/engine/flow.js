// How much may be under way of all streams of a connection: written, and not known to have arrived. More would fill the buffers
// of the browser, of the system and of the path, and everything else that is sent would wait behind it.
//
// Probes are pings that are written among the frames, four for each window. The answer to a probe tells how long the way there
// and back takes, and that what was written before the probe has arrived. The least time is the way without a queue. The window
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
 * @property {number} at when it was written, in milliseconds
 * @property {number} upTo sent, before it
 * @property {number} had arrived, then
 * @property {number} hadAt since when arrived was so, or at if nothing was under way
 * @property {boolean} full as much was under way as might be, then
 * @property {number} got of the flow, then
 */

const firstWindow = 16 << 10; // bytes
const minWindow = 2 << 10; // bytes
const minPiece = 512; // bytes
const maxPiece = 16 << 10; // bytes: a call waits for no more
const maxProbes = 8;
const latest = 4; // answers, of which the quickest counts: the others may have waited for a processor
const samples = 16; // answers, of which the times are compared
const slackPart = 0.3; // of the least time
const unsteadyPart = 1; // of how much an answer's time differs from the time of the one before, in the mean
const mostLess = 0.5; // of the window is left at least when it shrinks
const minSlack = 2; // milliseconds
const halfLife = 1000; // milliseconds in which the best rate counts half
const measureEvery = 10_000; // milliseconds
const probeBit = 1n << 62n; // of the nonces of probes; the others of a connection do not have it

export class Flow {
  /** Bytes of items that the server has sent. */
  got = 0;

  #most; // of #window
  #window;
  #ramp; // bytes that may be under way while the window fills again

  // What is under way lies between #arrived and #sent, in bytes.
  #sent = 0;
  #arrived = 0;
  #arrivedAt = -Infinity; // when #arrived grew last
  /** @type {{ s: Stream, units: number, end: number }[]} */
  #parcels = [];

  /** @type {Probe[]} that are under way, in order */
  #probes = [];
  #count = 0; // of probes
  #probed = 0; // upTo of the last probe

  #starting = true; // no queue has been seen yet
  #round = 0; // #sent, when the window was doubled or shrunk last
  #least = 0; // milliseconds; 0 until it is known
  #leastAt = 0; // when it was seen last
  /** How long the last answers took, in milliseconds. @type {number[]} */
  #tooks = [];
  #best = 0; // bytes a millisecond that the path has carried lately
  #bestAt = 0; // when it was set
  #draining = false; // nothing is sent until all has arrived
  #measures = true; // nothing is under way: the next probe finds no queue of ours

  /** @param {number} most how many bytes may be under way at the most */
  constructor(most) {
    this.#most = Math.max(most, minWindow);
    this.#window = this.#ramp = Math.min(firstWindow, this.#most);
  }

  /** Begins anew over another link. What was under way is written again, and may be much. */
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
   * Begins a measurement if it is time for one. If nothing is under way the window fills as answers come: all of it at once
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
   * Notes the answer to a probe. The answers to those before it may have been left out.
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
   * Sets the window after a probe that took so long, while the path carried rate bytes a millisecond.
   *
   * @param {Probe} p
   * @param {number} rate
   * @param {number} took
   * @param {number} now
   */
  #adapt(p, rate, took, now) {
    let changes = 0;
    for (let i = 1; i < this.#tooks.length; i++) changes += Math.abs(/** @type {number} */ (this.#tooks[i]) - /** @type {number} */ (this.#tooks[i - 1]));
    const unsteady = changes / Math.max(this.#tooks.length - 1, 1);
    let slack = Math.max(this.#least * slackPart, unsteady * unsteadyPart, minSlack);
    if (this.got - p.got > (p.upTo - p.had) / 4) slack *= 1.5; // the answer has waited behind the server's items, which have a queue of their own
    this.#best = Math.max(rate, this.#best * 2 ** (-(now - this.#bestAt) / halfLife));
    this.#bestAt = now;
    const queue = took - this.#least;
    const news = p.had >= this.#round; // what was sent before the last change has arrived
    if (queue > slack && this.#starting) {
      this.#starting = false;
      this.#resize(rate * (this.#least + slack));
      this.#round = this.#sent;
    } else if (queue > slack / 2 && this.#starting) {
      this.#starting = false;
    } else if (queue > slack && news) {
      // What the path has carried in the least time makes no queue.
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
