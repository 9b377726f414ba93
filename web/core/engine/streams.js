// In the place of streams.js: every stream that the server opens is refused.

import { goodbye } from "../../engine/fault.js";
import { goodbyeBody, kind } from "../../engine/wire.js";

/** @typedef {import("../../engine/streams.js").Streams} Full */

/** @implements {Pick<Full, "size" | "accept" | "gotItem" | "gotCredit" | "gotEnd" | "end" | "park" | "answered" | "superseded" | "relinked">} */
export class Streams {
  size = 0;
  #conn;

  /** @param {import("../../engine/conn.js").Conn} conn */
  constructor(conn) {
    this.#conn = conn;
  }

  /** @param {{ id: import("../../engine/numbers.js").Num }} stream */
  accept({ id }) {
    this.#conn.sendOwn(kind.streamEnd, id, goodbyeBody(goodbye("unsupported", "the page has no streams"), this.#conn.maxFrame));
  }

  gotItem() {}
  gotCredit() {}
  gotEnd() {}
  end() {}
  park() {}
  answered() {}
  superseded() {}
  relinked() {}
}
