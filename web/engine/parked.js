// The session of a client over a reload of its page, as bytes, in the form of core/internal/parked: either engine goes on
// with a session of the other.

import { Book } from "./book.js";
import { split } from "./log.js";
import { decoder, encoder } from "./names.js";
import { narrow } from "./numbers.js";
import { isCounted, join, kind, none } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */
/**
 * @typedef {object} Parked
 * @property {Uint8Array} id
 * @property {Uint8Array} token
 * @property {string} name
 * @property {string[]} groups
 * @property {number} received frames from the server, inbox included
 * @property {Num} missed frames to the client that the server has dropped
 * @property {Num} dropped frames to the server that the client has dropped
 * @property {number} lastCall the last id of a call to the server
 * @property {number} acked frames to the server before the first of outbox: the server has them
 * @property {Uint8Array} inbox frames from the server that were counted and not handled
 * @property {Uint8Array} outbox frames to the server that were not acknowledged
 * @property {Book} book
 */

const head = Uint8Array.of(0x68, 0x73, 0x6b, 2);
const maxID = 256;
const pageHolds = 1;
const pageLeft = 2;
const pageReplays = 4;
const pageLost = 8;

/** @param {Num[]} list 8 bytes each, the low ones first */
function numbers(...list) {
  const b = new DataView(new ArrayBuffer(8 * list.length));
  list.forEach((v, i) => b.setBigUint64(8 * i, BigInt(v), true));
  return new Uint8Array(b.buffer);
}

/** @param {Uint8Array} bytes */
const part = (bytes) => [numbers(bytes.length), bytes];

/** @param {Book} book */
function bookBytes(book) {
  const pages = [...book.pages.keys()].filter((group) => !book.left.has(group));
  return join([...pages, ...book.left].flatMap((group) => {
    const p = /** @type {import("./book.js").Page} */ (book.pages.get(group));
    const flags = (p.holds ? pageHolds : 0) | (book.left.has(group) ? pageLeft : 0) | (p.told ? pageReplays : 0) | (p.told?.lost ? pageLost : 0);
    const rest = numbers(p.epoch, p.number, p.until, p.had, flags, p.told?.messages ?? 0, p.told?.missed ?? 0);
    return [...part(encoder.encode(group)), rest];
  }));
}

/** @param {Parked} s */
export function park(s) {
  const text = (/** @type {string} */ t) => encoder.encode(t);
  const parts = [
    numbers(s.received, s.missed, s.dropped, s.lastCall, s.acked), s.id, s.token, text(s.name), s.inbox, s.outbox, bookBytes(s.book), ...s.groups.map(text),
  ];
  const all = join([head, ...parts.flatMap(part), new Uint8Array(8)]);
  all.set(checksum(all), all.length - 8);
  return all;
}

/** Returns the most bytes that park makes of a session. @param {Parked} s */
export const parkedSize = (s) => park({ ...s, outbox: none }).length + s.outbox.length;

/**
 * Reads a session that park has written. It returns nothing for other bytes.
 *
 * @param {Uint8Array} b
 * @returns {Parked | undefined}
 */
export function unpark(b) {
  try {
    return read(b);
  } catch {
    return undefined; // RangeError: a part ends too early
  }
}

/** @param {Uint8Array} b */
function read(b) {
  const end = b.length - 8;
  if (end < head.length || head.some((x, i) => b[i] !== x) || checksum(b).some((x, i) => b[end + i] !== x)) return undefined;
  const parts = [];
  for (const from = { b, at: head.length, end }; from.at < end; ) parts.push(take(from));
  const [counts, id, token, name, inbox, outbox, pages, ...groups] = parts;
  if (!counts || counts.length !== 40 || !id || !token || !name || !inbox || !outbox || !pages) return undefined;
  const [received, missed, dropped, lastCall, acked] = [0, 1, 2, 3, 4].map((i) => numberAt(counts, 8 * i));
  if (typeof received !== "number" || missed === undefined || dropped === undefined || typeof lastCall !== "number" || typeof acked !== "number") return undefined;
  const unanswered = (/** @type {number} */ k) => k !== kind.reply && k !== kind.failure && k !== kind.cancel;
  if (token.length === 0 || id.length > maxID || token.length > maxID || !isWhole(inbox, unanswered) || !isWhole(outbox, isCounted)) return undefined;
  return {
    id, token, name: decoder.decode(name), groups: groups.map((g) => decoder.decode(g)), inbox, outbox, book: readBook(pages),
    received, missed, dropped, lastCall, acked,
  };
}

/** @param {Uint8Array} b @param {number} at */
const numberAt = (b, at) => narrow(new DataView(b.buffer, b.byteOffset + at, 8).getBigUint64(0, true));

/** @param {{ b: Uint8Array, at: number, end: number }} from */
function take(from) {
  const size = numberAt(from.b, from.at);
  if (size > from.end - from.at - 8) throw new RangeError("a part is longer than what is left");
  const to = from.at + 8 + Number(size);
  const bytes = from.b.slice(from.at + 8, to);
  from.at = to;
  return bytes;
}

/** @param {Uint8Array} b */
function readBook(b) {
  const book = new Book();
  for (const from = { b, at: 0, end: b.length }; from.at < from.end; from.at += 56) {
    const group = decoder.decode(take(from));
    const [epoch = 0, number = 0, until = 0, had = 0, flags = 0, messages = 0, missed = 0] = [0, 1, 2, 3, 4, 5, 6].map((i) => numberAt(b, from.at + 8 * i));
    if (group === "" || epoch === 0 || book.pages.has(group)) return new Book();
    const set = (/** @type {number} */ flag) => (Number(flags) & flag) !== 0;
    const told = set(pageReplays) ? { messages: Number(messages), missed: Number(missed), lost: set(pageLost) } : undefined;
    book.pages.set(group, { epoch, number, until, had, holds: set(pageHolds), told });
    if (set(pageLeft)) book.left.add(group);
  }
  return book;
}

/** @param {Uint8Array} frames @param {(k: number) => boolean} may */
function isWhole(frames, may) {
  let whole = 0;
  for (const { k, end } of split(frames)) {
    if (!may(k)) return false;
    whole = end;
  }
  return whole === frames.length;
}

/**
 * Returns the FNV-1a hash, of 64 bits, of all but the last eight bytes.
 *
 * @param {Uint8Array} b
 */
function checksum(b) {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let i = 0; i < b.length - 8; i++) {
    low = (low ^ /** @type {number} */ (b[i])) >>> 0;
    // Times 2^40 + 0x1b3.
    const product = low * 0x1b3;
    high = (high * 0x1b3 + Math.floor(product / 2 ** 32) + low * 0x100) % 2 ** 32;
    low = product % 2 ** 32;
  }
  return numbers((BigInt(high) << 32n) | BigInt(low));
}
