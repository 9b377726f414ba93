// Up to where a client has had what was sent to each group, over all its connections: it tells replayed messages from
// others, those that come twice from those that come once, and what was missed. core/internal/history says more.

import { narrow } from "./numbers.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {{ messages: number, missed: number, lost: boolean }} Told what a page is told of a replay */
/**
 * @typedef {object} Page what is known of one group
 * @property {Num} epoch
 * @property {Num} number up to which the client has had its messages
 * @property {Num} until the number up to which messages are replayed, while that lasts
 * @property {Num} had the number up to which they come twice, while that lasts
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
  /** Groups that the client is not in, the one that it left last at the end. @type {Set<string>} */
  left = new Set();

  /** Notes that a connection begins on which the client is in no group yet. */
  connected() {
    for (const [group, page] of this.pages) {
      page.holds = false;
      this.left.add(group);
    }
  }

  /**
   * Begins a replay, and says what it is of.
   *
   * @param {import("./read.js").Replay} r
   * @param {boolean} isIn whether the client is in the group
   */
  begin({ group, epoch, last, count: n, again }, isIn) {
    const first = minus(last, n); // the number before
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
   * Ends the replay of a group, and returns what it was of if there was one.
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
   * Notes that the client is given the message of that number. It returns whether the message is a replayed one, or
   * nothing if the client has had it.
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
   * Notes that the client is not in the group any more.
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
