// When a client tries again to connect: a wait is random below a limit, which begins with min and doubles with each
// attempt that fails and with each connection that did not last, up to max. While the session of the last connection
// can be resumed the limit is low, and the last wait ends before the session does. core/internal/pace says
// more. Times are in milliseconds.

const soon = 2000;
const share = 15; // part of the time away: 1/15
const leastTry = 5000;
const mostTry = 15_000;
const lastTry = 1000;
const mostBrief = 4; // doublings of soon for connections that did not last

export class Pace {
  #min;
  #max;
  #most;
  #failed = 0; // attempts since the last connection
  #brief = 0; // connections in a row that did not last
  #since = 0; // the time of the first attempt after the last connection that lasted
  #broke = 0; // the time of the last break
  #last = 0; // the time of the last attempt to resume
  #took = 0; // time that the last successful attempt took

  /** @param {number[]} retry the field of a config */
  constructor([min = 0, max = 0, most = 0]) {
    this.#min = min || Math.min(500, max || 500);
    this.#max = max || Math.max(20_000, min);
    this.#most = most;
  }

  /**
   * Notes that an attempt has succeeded.
   *
   * @param {number} took
   */
  up(took) {
    this.#took = took;
  }

  /**
   * Notes that a connection has broken off.
   *
   * @param {number} up the time that it lasted
   * @param {number} resumable the time within which it can be resumed, or 0
   */
  down(up, resumable) {
    this.#failed = 0;
    if (up >= this.#limit()) this.#brief = this.#since = 0;
    else this.#brief++;
    this.#broke = Date.now();
    this.#last = resumable > 0 ? this.#broke + resumable - Math.min(resumable / 4, lastTry) : 0;
  }

  /** Notes that the session is over. */
  over() {
    this.#last = 0;
  }

  /** Forgets the failed attempts: there is a network again. */
  hurry() {
    this.#failed = 0;
  }

  /**
   * Returns the wait before the next attempt, or nothing if the client has tried for long enough.
   *
   * @param {number} least the wait that the server asks for
   */
  next(least) {
    const now = Date.now();
    this.#since ||= now;
    const left = this.#last - now;
    let limit = this.#limit();
    if (left > 0) limit = Math.min(limit, Math.max(soon, this.#min, (now - this.#broke) / share) * 2 ** Math.min(this.#brief, mostBrief));
    let wait = Math.max(Math.random() * limit, least);
    if (left > 0 && wait > left && least <= left) {
      wait = Math.max((left / 2) * (1 + Math.random()), least);
      this.#last = 0;
    }
    this.#failed++;
    return this.#most && now + wait - this.#since > this.#most ? undefined : wait;
  }

  /** Returns the time that the next attempt may take: an attempt to resume leaves time for another. */
  attempt() {
    return Date.now() < this.#last ? Math.min(Math.max(leastTry, 3 * this.#took), mostTry) : mostTry;
  }

  #limit() {
    return Math.min(this.#min * 2 ** Math.min(this.#failed + this.#brief, 40), this.#max);
  }
}
