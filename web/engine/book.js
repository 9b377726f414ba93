// The position of a client in each group, over all its connections. It tells replayed messages from new ones, and messages
// that come twice from messages that come once, and counts the missed ones. core/internal/history says more.

import { narrow } from "./numbers.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {{ messages: number, missed: number, lost: boolean }} Told a replay, as the page is told of it */
/**
 * @typedef {object} Page the state of one group
 * @property {Num} epoch
 * @property {Num} number the client has had the messages up to this number
 * @property {Num} until messages up to this number are replayed, during a replay
 * @property {Num} had messages up to this number come twice, during a replay
 * @property {boolean} holds whether the epoch holds on this connection
 * @property {Told | undefined} told of the replay that has begun
 */

const maxLeft = 256;
const mostMessages = 0x7fffffff;

/** @param {Num} a @param {Num} b */
const minus = (a, b) => narrow(BigInt(a) - BigInt(b));
/** @param {Num} n */
const count = (n) => Math.min(Number(n), mostMessages);

export class Book {
  /** @type {Map<string, Page>} */
  pages = new Map();
  /** Groups that the client has left, the last one at the end. @type {Set<string>} */
  left = new Set();

  /** Begins a connection on which the client is in no group yet. */
  connected() {
    for (const [group, page] of this.pages) {
      page.holds = false;
      this.left.add(group);
    }
  }

  /**
   * Begins a replay, and returns it as the page is told of it.
   *
   * @param {import("./read.js").Replay} r
   * @param {boolean} isIn whether the client is in the group
   */
  begin({ group, epoch, last, count: n, again }, isIn) {
    const first = minus(last, n); // number of the message before the first
    const told = { messages: count(n), missed: 0, lost: false };
    let page = this.pages.get(group);
    if (!page) {
      page = { epoch, number: first, until: last, had: 0, holds: true, told };
      this.pages.set(group, page);
      this.left.add(group);
    } else if (page.epoch !== epoch || page.number > last) {
      page.number = first;
      page.had = 0;
      told.lost = true;
    } else if (page.number < first) {
      told.missed = Number(minus(first, page.number));
      page.number = first;
      page.had = 0;
    } else if (again) {
      page.had = 0;
    } else {
      told.messages -= count(minus(page.number, first));
      page.had = page.number;
    }
    Object.assign(page, { epoch, until: last, holds: true, told });
    if (isIn) this.left.delete(group);
    this.#trim();
    return told;
  }

  /**
   * Ends the replay of a group, and returns it as the page is told of it, if there was one.
   *
   * @param {string} group
   */
  end(group) {
    const page = this.pages.get(group);
    const told = page?.told;
    if (page) {
      page.told = undefined;
      page.had = 0;
    }
    return told;
  }

  /**
   * Notes that the client gets the message with that number. It returns whether the message is replayed, or nothing if
   * the client has had it.
   *
   * @param {string | undefined} group
   * @param {Num} number
   */
  got(group, number) {
    const page = group === undefined ? undefined : this.pages.get(group);
    if (!page?.holds) return false;
    if (number > page.number) page.number = number;
    if (number <= page.had) return undefined;
    return page.told !== undefined && number <= page.until;
  }

  /**
   * Notes that the client has left the group.
   *
   * @param {string} group
   */
  leave(group) {
    if (this.pages.has(group)) this.left.add(group);
    this.#trim();
  }

  /**
   * Returns the client's position in a group, if it has one.
   *
   * @param {string} group
   */
  position(group) {
    const page = this.pages.get(group);
    return page && { group, epoch: page.epoch, number: page.number };
  }

  #trim() {
    for (const group of this.left) {
      if (this.left.size <= maxLeft) return;
      this.left.delete(group);
      this.pages.delete(group);
    }
  }
}
