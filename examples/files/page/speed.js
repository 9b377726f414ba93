// How fast a file moves.

const span = 3000; // milliseconds that count

export class Speed {
  #seen = []; // when, and how many bytes were done then

  /** Notes how many bytes are done. It returns bytes a second, or 0 if that is not known. */
  at(done, now = performance.now()) {
    this.#seen.push({ now, done });
    while (this.#seen.length > 2 && now - this.#seen[1].now > span) this.#seen.shift();
    const first = this.#seen[0];
    return now > first.now ? ((done - first.done) / (now - first.now)) * 1000 : 0;
  }

  /** Begins anew. */
  clear() {
    this.#seen = [];
  }
}
