// One WebSocket that carries a session, or tries to.

import { HisockError } from "../errors.js";
import { fromServer } from "./fault.js";
import { readWelcome } from "./read.js";
import { Splitter } from "./splitter.js";
import { frame, join, kind, preface } from "./wire.js";

// The bytes that may wait to be read, beyond one frame of the greatest size.
const maxHeld = 4 << 20;

// The close codes. A page may use 1000, and codes from 3000 on.
const codeNormal = 1000;
const codeText = 4003;
const codeFull = 4009;

/** The number of callbacks that a link registers with its socket, for the counts of tests. */
export const callbacks = 3;

export class Link {
  born = Date.now();
  splitter;
  /** Is called when bytes have arrived. */
  onData = () => {};
  /**
   * Is called once when the link has ended, but not after cut. why is undefined if the server has closed the link in order.
   *
   * @type {(why: HisockError | undefined) => void}
   */
  onEnd = () => {};

  /** @type {WebSocket | undefined} until it is closed */
  #socket;
  #opened = false;

  /**
   * @param {string} url
   * @param {number} maxFrame
   * @param {() => void} onOpen
   */
  constructor(url, maxFrame, onOpen) {
    this.splitter = new Splitter(maxFrame);
    let socket;
    try {
      socket = new WebSocket(url);
    } catch (cause) {
      throw new HisockError("not_connected", `dial ${url}: ${/** @type {Error} */ (cause).message}`, { cause });
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#opened = true;
      onOpen();
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => {
      const inOrder = code === codeNormal || code === 1001;
      const opened = this.#opened;
      this.#forget();
      if (inOrder && opened) this.onEnd(undefined);
      else if (opened) this.onEnd(new HisockError("conn_lost", `the connection broke off, close code ${code}`));
      else this.onEnd(new HisockError("not_connected", `dial ${url}: no connection, close code ${code}`));
    };
  }

  get isOpen() {
    return this.#socket !== undefined;
  }

  /** How many bytes the WebSocket has not sent yet. */
  get buffered() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @param {unknown} data */
  #receive(data) {
    if (!(data instanceof ArrayBuffer)) {
      this.fail(codeText, new HisockError("conn_lost", "a text message: the server is another one"));
      return;
    }
    this.splitter.push(new Uint8Array(data));
    this.onData();
    if (this.splitter.size > maxHeld + this.splitter.max) {
      this.fail(codeFull, new HisockError("conn_lost", "more has arrived than is being read"));
    }
  }

  /** @param {Uint8Array} bytes */
  write(bytes) {
    // A closing socket drops the bytes. They are written again over the next link.
    this.#socket?.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
  }

  /** Closes the link in order. All written bytes are sent first. onEnd is called later. */
  close() {
    this.#socket?.close(codeNormal);
  }

  /** Cuts the link. To the server it looks as if it had broken off. */
  cut() {
    const socket = this.#socket;
    this.#forget();
    socket?.close();
  }

  /**
   * Closes the link with a code, and calls onEnd at once.
   *
   * @param {number} code
   * @param {HisockError} why
   */
  fail(code, why) {
    const socket = this.#socket;
    this.#forget();
    socket?.close(code);
    this.onEnd(why);
  }

  #forget() {
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = undefined;
  }
}

/** @typedef {{ link: Link, welcome: import("./read.js").Welcome }} Welcomed a link over which the server has welcomed the client */

/**
 * Makes a link and shakes hands.
 *
 * @param {string} url
 * @param {Uint8Array} hello
 * @param {number} maxFrame
 * @param {AbortSignal} signal
 * @returns {Promise<Welcomed>}
 */
export function dial(url, hello, maxFrame, signal) {
  return new Promise((resolve, reject) => {
    const link = new Link(url, maxFrame, () => link.write(join([preface, hello])));
    const over = () => {
      signal.removeEventListener("abort", abort);
      link.onData = link.onEnd = () => {};
    };
    const abort = () => {
      over();
      link.cut();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort);
    link.onEnd = (why) => {
      over();
      reject(why ?? new HisockError("conn_lost", "the server left during the handshake"));
    };
    link.onData = () => {
      try {
        if (!link.splitter.next()) return;
        const welcome = readAnswer(link.splitter);
        over();
        if (welcome.token.length > 0 && !welcome.resumed) {
          // The ack comes first: the server keeps a client's session only after an ack.
          link.write(frame(kind.ack, 0));
        }
        resolve({ link, welcome });
      } catch (err) {
        over();
        link.cut();
        reject(err);
      }
    };
    if (signal.aborted) abort();
  });
}

/** @param {Splitter} split */
function readAnswer(split) {
  const body = split.body();
  if (split.kind === kind.refuse) throw fromServer(body.goodbye());
  if (split.kind !== kind.welcome) throw new HisockError("protocol", `a frame of kind ${split.kind} instead of a welcome`);
  const welcome = readWelcome(body.rest());
  if (welcome.version !== 1) throw new HisockError("version", "the server speaks another version of the protocol");
  const most = maxGroupsOf(welcome.maxGroups);
  if (welcome.groups.length > most) throw tooManyGroups(most);
  return welcome;
}

/**
 * Returns the greatest number of groups that the server may list for the client.
 *
 * @param {import("./numbers.js").Num} announced
 */
export const maxGroupsOf = (announced) => Number(announced > 1 << 20 ? 1 << 20 : announced || 4096);

/** @param {number} most */
export const tooManyGroups = (most) => new HisockError("too_many_groups", `the server says more groups than its limit ${most}`);
