/**
 * A queue of items that nobody has taken, or a queue of askers that wait for items: never both.
 *
 * @template T
 */
export class Inbox {
  #most;
  #mostBytes;
  /** @type {{ item: T, size: number }[]} */
  #kept = [];
  #keptBytes = 0;

  /** @type {{ resolve: (item: T) => void, reject: (why: unknown) => void }[]} */
  #askers = [];

  /** @type {{ why: unknown } | undefined} */
  #ended;

  /**
   * @param {number} most how many items are kept
   * @param {number} mostBytes how large they are together
   */
  constructor(most, mostBytes) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /**
   * Gives an item to the first asker. It returns false if there is none.
   *
   * @param {T} item
   */
  offer(item) {
    const asker = this.#askers.shift();
    asker?.resolve(item);
    return asker !== undefined;
  }

  /**
   * Keeps an item until it is taken. It returns false if there is no room.
   *
   * @param {T} item
   * @param {number} size
   */
  keep(item, size) {
    if (this.#kept.length >= this.#most || this.#keptBytes + size > this.#mostBytes) return false;
    this.#kept.push({ item, size });
    this.#keptBytes += size;
    return true;
  }

  /** The kept items, in order. */
  get kept() {
    return this.#kept.map(({ item }) => item);
  }

  /**
   * Returns the first kept item, also after the end, or waits for the next item.
   *
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<T>}
   */
  take(signal) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const first = this.#kept.shift();
    if (first) {
      this.#keptBytes -= first.size;
      return Promise.resolve(first.item);
    }
    if (this.#ended) return Promise.reject(this.#ended.why);
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#askers = this.#askers.filter((a) => a !== asker);
        reject(signal?.reason);
      };
      const asker = {
        resolve: (/** @type {T} */ item) => {
          signal?.removeEventListener("abort", abort);
          resolve(item);
        },
        reject: (/** @type {unknown} */ why) => {
          signal?.removeEventListener("abort", abort);
          reject(why);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#askers.push(asker);
    });
  }

  /**
   * Rejects all askers, and all later ones once the kept items are taken. Only the first call has an effect.
   *
   * @param {unknown} why
   */
  end(why) {
    this.#ended ??= { why };
    for (const asker of this.#askers.splice(0)) asker.reject(this.#ended.why);
  }
}

const done = { done: /** @type {const} */ (true), value: undefined };

/**
 * Returns an iterator of what take resolves with. It ends when take rejects: in order if the reason is undefined or says that this
 * side has closed the client.
 *
 * @template T
 * @param {() => Promise<T>} take
 * @param {() => void} leave is called if the loop over the iterator ends early
 * @returns {AsyncIterableIterator<T>}
 */
export function iterator(take, leave) {
  let over = false;
  return {
    async next() {
      if (over) return done;
      try {
        return { done: false, value: await take() };
      } catch (cause) {
        const err = /** @type {{ code?: unknown, remote?: boolean } | undefined} */ (cause);
        const inOrder = over || err === undefined || (err.code === "closed" && err.remote === false);
        over = true;
        if (inOrder) return done;
        throw cause;
      }
    },
    async return() {
      over = true;
      leave();
      return done;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
