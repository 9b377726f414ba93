// Whether the server is still there: when it was heard, and the pings that ask it.

import { HisockError } from "../errors.js";

// Milliseconds.
const maxPeriod = 5000; // the greatest time between two checks
export const probeTime = 3000; // for the answer to a probe

export class Pulse {
  #conn;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer; // calls #look
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #probing; // bounds the wait for the answer to a probe
  #heardAt = 0;
  #lookAt = 0;
  #pingedAt = 0;

  /** @param {import("./conn.js").Conn} conn */
  constructor(conn) {
    this.#conn = conn;
  }

  /** Begins to watch a link. */
  begin() {
    const { heartbeat } = this.#conn;
    this.#pingedAt = 0;
    this.#heardAt = this.#lookAt = Date.now();
    const period = heartbeat ? Math.min(Math.max(heartbeat / 4, 1), maxPeriod) : maxPeriod;
    this.#timer = setInterval(() => this.#look(period), period);
  }

  /** Notes that something has arrived. */
  heard() {
    this.#heardAt = Date.now();
  }

  stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#probing);
    this.#probing = undefined;
  }

  /**
   * Checks whether the server has fallen silent, and acknowledges the last frames if no more have arrived.
   *
   * @param {number} period the time between two checks, in milliseconds
   */
  #look(period) {
    const { acks, heartbeat, isResumable, out } = this.#conn;
    const now = Date.now();
    if (now - this.#lookAt > 3 * period) {
      // The page or its timers were frozen. The browser may still hold frames of the server.
      this.#heardAt = Math.max(this.#heardAt, now - heartbeat);
      this.#pingedAt = 0;
    }
    this.#lookAt = now;
    if (isResumable) acks.look(out);
    if (!heartbeat) return;
    if (now - this.#heardAt < heartbeat) {
      this.#pingedAt = 0;
      if (now - out.measuredAt >= heartbeat) out.ping();
    } else if (this.#pingedAt === 0) {
      this.#pingedAt = now;
      out.ping();
    } else if (now - this.#pingedAt >= heartbeat) {
      this.#silent(now - this.#heardAt);
    }
  }

  /** @param {number} time for which the server has said nothing, in milliseconds */
  #silent(time) {
    const why = new HisockError("heartbeat", `nothing heard for ${(time / 1000).toFixed(1)} s`);
    if (this.#conn.isResumable) this.#conn.lose(why);
    else this.#conn.fail(why);
  }

  /** Asks the server whether it is still there, and gives the link up if nothing arrives within probeTime. */
  probe() {
    if (!this.#conn.link || this.#conn.ended || this.#probing) return;
    const asked = Date.now();
    const heardAt = (this.#heardAt -= 0.5); // a value that no other message sets
    this.#conn.out.ping();
    this.#probing = setTimeout(() => {
      this.#probing = undefined;
      if (this.#heardAt !== heardAt) return;
      if (Date.now() - asked > 2 * probeTime) this.probe(); // the page was frozen
      else this.#silent(Date.now() - heardAt);
    }, probeTime);
  }
}
