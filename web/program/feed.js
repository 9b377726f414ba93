// How the Go program is given what its WebSockets receive. A burst comes as many messages that a browser may deliver in one
// task, and each may be long. The program gets them in pieces, and after a while the page has its turn, to draw and to hear its user,
// before the next piece. To the program a message is a part of a stream of bytes, so it does not matter where one is cut.

import { nextTask } from "../page.js";

const slice = 8; // milliseconds for which the program may keep the page from its turn
const pause = 1; // milliseconds: what comes later than that after the last piece is no burst any more
const piece = 16 << 10; // bytes
// Bytes that may wait for the next turn. If more wait, the page does not keep up with its server, and is the server to feel it.
const maxLate = 1 << 20;

/** @typedef {{ type: string, data?: unknown }} Came an event of a WebSocket, or a part of one */

/** What one WebSocket has received and the program has not. */
export class Feed {
  /** The functions of the program. @type {Record<string, ((event: Came) => void) | null>} */
  handlers = {};

  /** @type {Came[]} in order */
  #events = [];
  #cut = 0; // bytes of the first event that the program has
  #late = 0; // bytes that wait
  #begun = 0; // when the page had its last turn, as far as that is known, in milliseconds
  #ended = -Infinity; // when the program had its last piece
  #scheduled = false;

  /** @param {Came} event */
  push(event) {
    this.#events.push(event);
    this.#late += lengthOf(event);
    if (!this.#scheduled || this.#late > maxLate) this.#work();
  }

  /** Forgets what waits: the program has closed the WebSocket. */
  clear() {
    this.#events = [];
    this.#cut = this.#late = 0;
  }

  #work() {
    let now = performance.now();
    if (now - this.#ended > pause) this.#begun = now;
    while (this.#events.length > 0) {
      if (now - this.#begun >= slice && this.#late <= maxLate) {
        this.#schedule();
        break;
      }
      this.#give();
      now = performance.now();
    }
    this.#ended = now;
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextTask(() => {
      this.#scheduled = false;
      this.#ended = -Infinity;
      this.#work();
    });
  }

  /** Gives the program the next piece. */
  #give() {
    const event = /** @type {Came} */ (this.#events[0]);
    const { type, data } = event;
    if (!(data instanceof ArrayBuffer) || data.byteLength <= piece) {
      this.#events.shift();
      this.#late -= lengthOf(event);
      this.handlers[type]?.(event);
      return;
    }
    const part = data.slice(this.#cut, this.#cut + piece);
    this.#cut += part.byteLength;
    this.#late -= part.byteLength;
    if (this.#cut === data.byteLength) {
      this.#events.shift();
      this.#cut = 0;
    }
    this.handlers[type]?.({ type, data: part });
  }
}

/** @param {Came} event */
const lengthOf = ({ data }) => (data instanceof ArrayBuffer ? data.byteLength : 0);

/**
 * Puts a feed between a WebSocket and the functions that the program sets as its handlers of messages and of the end.
 *
 * @param {WebSocket} socket
 */
export function feed(socket) {
  const own = new Feed();
  const base = Object.getPrototypeOf(socket);
  const came = (/** @type {Event} */ event) => own.push(/** @type {Came} */ (event));
  for (const type of ["message", "close"]) {
    const name = `on${type}`;
    Object.defineProperty(socket, name, {
      get: () => own.handlers[type] ?? null,
      set: (fn) => {
        own.handlers[type] = fn;
        if (!fn) own.clear();
        Reflect.set(base, name, fn && came, socket); // the WebSocket's own handler
      },
    });
  }
}
