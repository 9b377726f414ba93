// The name and the groups that a client asks for when it joins, and the result. A client that joins anew asks for the
// groups that it is in at that moment, and for the last name that it was given at its own request. It does not ask for
// groups that the server gave unasked: the server may give them again.

import { encoder } from "./names.js";
import { kind } from "./wire.js";

// The most bytes in a hello of groups that are not of the options.
const moreBytes = 4 << 10;

export class Wish {
  /** @type {string} */
  name;
  rename = ""; // a name to ask for once the client has joined; empty if there is none
  /** The groups in the hello. @type {string[]} */
  groups = [];
  more = 0; // size of the groups in the hello that are not of the options, in bytes
  /** Groups to ask for once the client has joined. @type {Set<string>} */
  later = new Set();
  /** Groups that the server put the client in as it joined, unasked. @type {Set<string>} */
  given = new Set();

  /**
   * @param {import("../native.d.ts").Config} config
   * @param {import("./conn.js").Conn | undefined} last the connection before, if there was one
   * @param {boolean} plain the hello asks only for the name and groups of the options
   */
  constructor(config, last, plain) {
    this.name = config.name;
    if (!last) {
      this.groups = [...config.groups];
      return;
    }
    const old = last.wish;
    const name = old.rename || old.name;
    if (plain && name !== this.name) this.rename = name;
    else this.name = name;
    const own = new Set(config.groups);
    const mine = [...last.groups].filter((g) => !old.given.has(g)).sort();
    for (const g of new Set([...mine, ...old.later, ...last.refused.map((r) => r.name)])) {
      const size = encoder.encode(g).length + 4;
      if (own.has(g)) {
        this.groups.push(g);
      } else if (plain || this.more + size > moreBytes) {
        this.later.add(g);
      } else {
        this.groups.push(g);
        this.more += size;
      }
    }
  }

  /**
   * Notes the groups of a welcome.
   *
   * @param {string[]} groups
   */
  welcomed(groups) {
    for (const g of groups) if (!this.groups.includes(g)) this.given.add(g);
  }

  /**
   * Notes whether the server has done a requested change.
   *
   * @param {number} k the kind of the frame that asked
   * @param {string} name
   * @param {boolean} done
   */
  answered(k, name, done) {
    if (k === kind.askRename) {
      this.rename = "";
      if (done) this.name = name;
      return;
    }
    this.later.delete(name);
    if (done) this.given.delete(name);
  }
}
