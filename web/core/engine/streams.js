// In the place of streams.js: every stream that the server opens is refused.

import { goodbye } from "../../engine/fault.js";
import { goodbyeBody, kind } from "../../engine/wire.js";

/** @typedef {import("../../engine/streams.js").Streams} Full */

/** @implements {Omit<Full, "grown" | "open" | "ready" | "gone" | "sayEnd" | "sayCredit" | "gotCredit" | "pump">} */
export class Streams {
  size = 0;
  #conn;

  /** @param {import("../../engine/conn.js").Conn} conn */
  constructor(conn) {
    this.#conn = conn;
  }

  /** @param {number} k @param {import("../../engine/read.js").Cursor} c */
  received(k, c) {
    if (k === kind.stream) this.#conn.sendOwn(kind.streamEnd, c.number(), goodbyeBody(goodbye("unsupported", "the page has no streams"), this.#conn.maxFrame));
  }

  end() {}
  park() {}
  answered() {}
  superseded() {}
  relinked() {}
}
