/**
 * The handlers of one command or hook, in the order in which they were added. One may be added or removed while they are
 * called: the handlers of list that have not been removed go on.
 *
 * @template T
 */
export class Handlers {
  /** @type {Set<T>} */
  #all = new Set();
  /** @type {T[] | undefined} */
  #list;

  /** @returns {readonly T[]} */
  get list() {
    return (this.#list ??= [...this.#all]);
  }

  get size() {
    return this.#all.size;
  }

  /** @param {T} handler */
  has(handler) {
    return this.#all.has(handler);
  }

  /** @param {T} handler */
  add(handler) {
    this.#all.add(handler);
    this.#list = undefined;
  }

  /** @param {T} handler */
  delete(handler) {
    this.#all.delete(handler);
    this.#list = undefined;
  }
}
