// The jobs of one client, which run one after the other, and never inside a call from the engine: they are worked off as soon as
// the engine has returned.

import { nextTask } from "./page.js";

// How long jobs may keep the page from its turn, in milliseconds, and how many jobs may wait for the next one. If more
// wait, the page does not keep up with its server, and is the server to feel it.
const slice = 8;
const maxLate = 20_000;

export class Jobs {
  /** @type {(() => void)[]} */
  #queue = [];
  #next = 0; // index in #queue of the job that runs next
  #scheduled = false;
  #stopped = false;
  #holds = 0; // how many have called hold and not release
  #report;

  /** @param {(err: unknown) => void} report is told what a job throws */
  constructor(report) {
    this.#report = report;
  }

  /**
   * Queues job. If a job throws, the others run all the same.
   *
   * @param {() => void} job
   */
  push(job) {
    if (this.#stopped) return;
    this.#queue.push(job);
    this.#schedule();
  }

  #schedule() {
    if (this.#scheduled || this.#holds > 0) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#drain());
  }

  /**
   * Runs the jobs. After a while the page has its turn, to draw and to hear its user, unless too many jobs wait.
   *
   * @param {boolean} [all] all are run now
   */
  #drain(all = false) {
    const end = performance.now() + slice;
    while ((all || this.#holds === 0) && this.#next < this.#queue.length) {
      try {
        this.#queue[this.#next++]?.();
      } catch (err) {
        this.#report(err);
      }
      if (all || performance.now() < end || this.#next === this.#queue.length || this.#queue.length - this.#next > maxLate) continue;
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
      nextTask(() => this.#drain());
      return;
    }
    this.#scheduled = false;
    if (this.#next < this.#queue.length) return; // they are held back
    this.#queue = [];
    this.#next = 0;
  }

  /** Holds the jobs back until release is called as often. */
  hold() {
    this.#holds++;
  }

  release() {
    this.#holds--;
    this.#schedule();
  }

  /** Runs the jobs that have been queued, also if a handler calls it, and drops all later ones. */
  stop() {
    this.#drain(true);
    this.#stopped = true;
  }
}
