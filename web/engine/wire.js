// The frames of the native format, version 1, as core/wire/doc.go describes them: the kinds, and the frames that a client
// writes. read.js has the frames that a client reads.

import { encoder } from "./names.js";
import { putNumber, sizeOf } from "./numbers.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {{ group: string, epoch: Num, number: Num }} Position */
/** @typedef {{ code: number, reason: string, retryAfter: number, details: Uint8Array | undefined }} Goodbye */

export const kind = /** @type {const} */ ({
  hello: 0x01, welcome: 0x02, refuse: 0x03,
  command: 0x10, raw: 0x11, request: 0x12, reply: 0x13, failure: 0x14, cancel: 0x15,
  streamItem: 0x16, streamEnd: 0x17, streamCredit: 0x18, stream: 0x1a, streamPart: 0x1b,
  ping: 0x20, pong: 0x21, ack: 0x22, goodbye: 0x23, missed: 0x24,
  joinGroup: 0x30, leaveGroup: 0x31, joined: 0x32, left: 0x33, rename: 0x34, renamed: 0x35,
  askJoin: 0x36, askLeave: 0x37, askRename: 0x38,
  replay: 0x39, replayEnd: 0x3a, groupCommand: 0x3b, groupRaw: 0x3c, groupPassed: 0x3d,
});

/**
 * Reports whether both ends count frames of this kind.
 *
 * @param {number} k
 */
export const isCounted = (k) => k >> 4 === 1 || (k >= kind.joinGroup && k <= kind.groupPassed);

/** The first bytes of a connection, before the hello. */
export const preface = Uint8Array.of(0, 0x48, 0x53, 1);

/** The greatest length of a frame, unless the receiver has another limit, in bytes. */
export const defaultMaxFrame = 1 << 20;

/** The greatest length of the text in a goodbye, in bytes. */
export const maxReason = 1 << 10;

/** The longest time on the wire, in milliseconds. */
export const maxMillis = 0x7fffffff;

/** The credit that each item and part of a stream takes besides its payload, in bytes. */
export const itemCost = 32;

/** The credit of the side that opens a stream before the other side grants any, in bytes. */
export const firstCredit = 16 << 10;

/** The greatest credit of a direction of a stream, in bytes. */
export const maxCredit = 0x7fffffff;

/** @type {Uint8Array} */
export const none = new Uint8Array(0);

/**
 * Returns the length of kind and body of a frame. The body is an id, a name and the rest; each may be missing.
 *
 * @param {Num | undefined} id
 * @param {Uint8Array | undefined} name
 * @param {Uint8Array} rest
 */
export function lengthOf(id, name, rest) {
  let n = 1 + rest.length;
  if (id !== undefined) n += sizeOf(id);
  if (name) n += sizeOf(name.length) + name.length;
  return n;
}

/**
 * Writes such a frame, and returns the index after it.
 *
 * @param {Uint8Array} b
 * @param {number} at
 * @param {number} length the result of lengthOf
 * @param {number} k its kind
 * @param {Num | undefined} id
 * @param {Uint8Array | undefined} name
 * @param {Uint8Array} rest
 */
export function putFrame(b, at, length, k, id, name, rest) {
  at = putNumber(b, at, length);
  b[at++] = k;
  if (id !== undefined) at = putNumber(b, at, id);
  if (name) {
    at = putNumber(b, at, name.length);
    b.set(name, at);
    at += name.length;
  }
  b.set(rest, at);
  return at + rest.length;
}

/**
 * Returns such a frame.
 *
 * @param {number} k
 * @param {Num} [id]
 * @param {Uint8Array} [name]
 * @param {Uint8Array} [rest]
 */
export function frame(k, id, name, rest = none) {
  const length = lengthOf(id, name, rest);
  const b = new Uint8Array(sizeOf(length) + length);
  putFrame(b, 0, length, k, id, name, rest);
  return b;
}

/**
 * Concatenates bytes and numbers.
 *
 * @param {(Uint8Array | Num)[]} parts
 */
export function join(parts) {
  let size = 0;
  for (const part of parts) size += part instanceof Uint8Array ? part.length : sizeOf(part);
  const b = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      b.set(part, at);
      at += part.length;
    } else {
      at = putNumber(b, at, part);
    }
  }
  return b;
}

/**
 * Returns the body of a frame that opens a stream, after the id.
 *
 * @param {number} window credit for the other side's items, in bytes
 * @param {boolean} silent this side sends no items
 * @param {Uint8Array} name
 * @param {Uint8Array} arg
 */
export const streamBody = (window, silent, name, arg) => join([window, silent ? 1 : 0, name.length, name, arg]);

/**
 * @typedef {object} Hello
 * @property {string} [name]
 * @property {readonly string[]} [groups]
 * @property {Uint8Array} [auth]
 * @property {readonly string[]} [metadata] keys and values in turn
 * @property {Uint8Array} [session]
 * @property {Uint8Array} [token]
 * @property {Num} [received]
 * @property {boolean} [notices]
 * @property {number} [maxFrame]
 * @property {boolean} [resume]
 * @property {number} [ackBytes]
 * @property {boolean} [onlyResume]
 * @property {Position[]} [positions]
 */

/** @param {Hello} h */
export function helloFrame(h) {
  /** @type {(Uint8Array | Num)[]} */
  const parts = [];
  const add = (/** @type {number} */ tag, /** @type {Uint8Array} */ value) => void parts.push(tag, value.length, value);
  /** Adds a field, unless it is zero. */
  const may = (/** @type {number} */ tag, /** @type {Uint8Array | string | Num | boolean | undefined} */ v) => {
    if (typeof v === "string") v = encoder.encode(v);
    if (v instanceof Uint8Array ? v.length : v) add(tag, v instanceof Uint8Array ? v : join([/** @type {Num} */ (v === true ? 1 : v)]));
  };
  may(1, 1);
  may(2, h.name);
  for (const group of h.groups ?? []) add(3, encoder.encode(group));
  may(4, h.auth);
  const { metadata = [] } = h;
  for (let i = 0; i + 1 < metadata.length; i += 2) {
    const [key, value] = metadata.slice(i, i + 2).map((text) => encoder.encode(text));
    if (key && value) add(5, join([key.length, key, value]));
  }
  may(6, h.session);
  may(7, h.token);
  may(8, h.received);
  may(9, h.notices);
  may(10, h.maxFrame);
  may(18, h.resume);
  may(19, h.ackBytes);
  may(22, h.onlyResume);
  for (const p of h.positions ?? []) {
    const group = encoder.encode(p.group);
    add(23, join([group.length, group, p.epoch, p.number]));
  }
  return frame(kind.hello, undefined, undefined, join(parts));
}

/**
 * Returns the body of a goodbye, or of a failure after the id. A reason that is too long is cut at the end of a
 * character. Details that do not fit into the receiver's longest frame are left out.
 *
 * @param {Goodbye} g
 * @param {number} limit
 */
export function goodbyeBody(g, limit) {
  const room = Math.max(limit, 64) - 23; // for reason and details
  let text = encoder.encode(g.reason);
  const most = Math.min(room, maxReason);
  if (text.length > most) {
    let end = most - 3;
    while (end > 0 && (/** @type {number} */ (text[end]) & 0xc0) === 0x80) end--;
    text = join([text.subarray(0, end), encoder.encode("…")]);
  }
  const details = g.details && g.details.length <= room - text.length ? g.details : none;
  return join([g.code, text.length, text, Math.min(Math.max(Math.ceil(g.retryAfter), 0), maxMillis), details]);
}
