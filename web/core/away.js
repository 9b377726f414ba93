// In the place of away.js: no session is kept over a reload. A page that is in the back/forward cache goes on if the server still waits.

import { lack } from "./without.js";

/** @typedef {import("../away.js").Away} Full */

/** @implements {Pick<Full, "config" | "raw" | "isAway" | "putBack" | "end" | "connected" | "joined" | "returned" | "leave" | "show" | "tryAgain">} */
export class Away {
  config;
  /** @type {Uint8Array[]} */
  raw = [];
  isAway = false;

  /** @param {import("../connection.js").Options} options */
  constructor({ config, keepAs }) {
    if (keepAs !== undefined) lack("keepSession");
    this.config = config;
  }

  /** @param {import("../away.js").Leaver} leaver @param {boolean} mayReturn */
  leave({ native }, mayReturn) {
    if (mayReturn) native?.offline();
    else native?.close();
  }

  show() {
    return false;
  }

  tryAgain() {
    return false;
  }

  putBack() {}
  end() {}
  connected() {}
  joined() {}
  returned() {
    return undefined;
  }
}
