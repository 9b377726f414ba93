// The bodies of the frames for a client. Each value is checked, and a fault throws a HisockError with the code that ends
// the connection.

import { decoder, nameFault } from "./names.js";
import { after, fail, readNumber } from "./numbers.js";
import { maxCredit, maxMillis, maxReason, none } from "./wire.js";

/** @typedef {import("./numbers.js").Num} Num */

/** The greatest length of a session's id, and of its token, in bytes. */
const maxToken = 256;

/** Takes values off the front of a body. The bytes that it returns alias the body. */
export class Cursor {
  b;
  at;
  end;

  /**
   * @param {Uint8Array} b
   * @param {number} [at]
   * @param {number} [end]
   */
  constructor(b, at = 0, end = b.length) {
    this.b = b;
    this.at = at;
    this.end = end;
  }

  /** @returns {Num} */
  number() {
    const { b, at } = this;
    const first = b[at];
    if (at < this.end && first !== undefined && first < 0x80) {
      this.at = at + 1;
      return first;
    }
    const v = readNumber(b, at, this.end);
    if (after === 0) fail("protocol", "number cut short");
    this.at = after;
    return v;
  }

  /** Takes a length. It returns the index after that many bytes, the first of which is next. */
  span() {
    const n = this.number();
    if (n > this.end - this.at) fail("protocol", `${n} B announced, ${this.end - this.at} left`);
    return this.at + Number(n);
  }

  bytes() {
    const end = this.span();
    const part = this.b.subarray(this.at, end);
    this.at = end;
    return part;
  }

  /** Takes a length and that many bytes, and returns a cursor over the bytes. */
  part() {
    const end = this.span();
    const part = new Cursor(this.b, this.at, end);
    this.at = end;
    return part;
  }

  rest() {
    const part = this.b.subarray(this.at, this.end);
    this.at = this.end;
    return part;
  }

  /** @param {number} max in bytes */
  text(max) {
    return textOf(this.bytes(), max);
  }

  /**
   * Takes a name, which may be empty.
   *
   * @param {number} max in bytes
   */
  name(max) {
    return nameOf(this.bytes(), max);
  }

  /** @param {number} max in bytes */
  group(max) {
    return groupOf(this.bytes(), max);
  }

  code() {
    const v = this.number();
    return v > 0xffffffff ? fail("protocol", "code over 32 bits") : Number(v);
  }

  millis() {
    const v = this.number();
    return v > maxMillis ? fail("protocol", `${v} ms exceeds limit ${maxMillis} ms`) : Number(v);
  }

  /** Takes a number that is not 0. */
  positive() {
    return this.number() || fail("protocol", "an epoch or a number is 0");
  }

  bool() {
    const v = this.number();
    return v > 1 ? fail("protocol", "neither 0 nor 1") : v === 1;
  }

  /** Checks that nothing is left. */
  done() {
    if (this.at < this.end) fail("protocol", `${this.end - this.at} B too many`);
  }

  /** @returns {import("./wire.js").Goodbye} */
  goodbye() {
    const code = this.code();
    const reason = this.text(maxReason);
    const retryAfter = this.millis();
    return { code, reason, retryAfter, details: this.at < this.end ? this.rest().slice() : undefined };
  }
}

/**
 * @param {Uint8Array} b
 * @param {number} max
 */
function textOf(b, max) {
  if (b.length > max) fail("too_big", `text ${b.length} B exceeds limit ${max} B`);
  try {
    return decoder.decode(b);
  } catch {
    return fail("protocol", `text not UTF-8, ${b.length} B`);
  }
}

/**
 * @param {Uint8Array} b
 * @param {number} max
 */
function nameOf(b, max) {
  if (b.length === 0) return "";
  let name;
  try {
    name = decoder.decode(b.subarray(0, max + 1));
  } catch {
    if (b.length <= max) fail("bad_name", "name: not UTF-8");
    name = "…";
  }
  const why = nameFault(name, b.length, max);
  return why ? fail("bad_name", why) : name;
}

/**
 * @param {Uint8Array} b
 * @param {number} max
 */
const groupOf = (b, max) => nameOf(b, max) || fail("bad_name", "group: name is empty");

/** Limits for the values of a server: none, because its frames are bounded. */
const boundless = { maxName: Infinity, maxGroups: Infinity, maxAddr: Infinity };

/**
 * @param {Uint8Array} body
 * @param {typeof boundless} limits
 */
export function readWelcome(body, limits = boundless) {
  const { maxName, maxGroups, maxAddr } = limits;
  /** @type {Num[]} */
  const numbers = Array(22).fill(0); // by tag
  /** @type {Record<number, number>} */
  const seen = {};
  const w = {
    session: none, token: none, name: "", addr: "", notices: false, resumed: false,
    /** @type {string[]} */
    groups: [],
    /** @type {{ name: string, code: number, retryAfter: number, reason: string }[]} */
    refused: [],
  };
  const all = new Cursor(body);
  while (all.at < all.end) {
    const tag = Number(all.number());
    const c = all.part();
    const size = c.end - c.at;
    if (tag === 3 || tag === 20) {
      if ((tag === 3 ? w.groups : w.refused).length >= maxGroups) fail("too_many_groups", `groups exceed limit ${maxGroups}`);
      if (tag === 3) w.groups.push(groupOf(c.rest(), maxName));
      else w.refused.push({ name: c.group(maxName), code: c.code(), retryAfter: c.millis(), reason: textOf(c.rest(), maxReason) });
      continue;
    }
    if (tag === 0 || tag > 21 || tag === 4 || tag === 5 || tag === 18) continue; // not in a welcome, or from a later version
    if (seen[tag]) fail("protocol", "welcome: a field is given twice");
    seen[tag] = 1;
    switch (tag) {
      case 2:
        w.name = nameOf(c.rest(), maxName);
        break;
      case 6:
      case 7:
        if (size > maxToken) fail("too_big", `token ${size} B exceeds limit ${maxToken} B`);
        w[tag === 6 ? "session" : "token"] = c.rest().slice();
        break;
      case 9:
      case 16:
        w[tag === 9 ? "notices" : "resumed"] = c.bool();
        break;
      case 17:
        w.addr = textOf(c.rest(), maxAddr);
        break;
      default:
        numbers[tag] = tag === 15 || tag === 21 ? c.millis() : c.number();
    }
    c.done();
  }
  const of = (/** @type {number} */ tag) => /** @type {Num} */ (numbers[tag]);
  if (!of(1)) fail("protocol", "welcome: version missing or 0");
  return {
    ...w, version: of(1), received: of(8), maxFrame: of(10), maxName: of(11), maxCommand: of(12), maxGroups: of(13), maxCalls: of(14),
    heartbeat: Number(of(15)), ackBytes: of(19), resumeTime: Number(of(21)),
  };
}

/** @typedef {ReturnType<typeof readWelcome>} Welcome */

/**
 * Reads a name that is the whole body of a frame.
 *
 * @param {Cursor} c
 */
export function readName(c) {
  const b = c.bytes();
  c.done();
  try {
    return decoder.decode(b);
  } catch {
    return fail("bad_name", "name: not UTF-8");
  }
}

/**
 * Reads the rest of a failure, after its id.
 *
 * @param {Cursor} c
 */
export function readFailure(c) {
  const g = c.goodbye();
  return g.code === 0 ? fail("protocol", "failure: code 0") : g;
}

/**
 * Reads a client that has come or gone.
 *
 * @param {Cursor} c
 * @param {typeof boundless} limits
 */
export function readPresence(c, limits = boundless) {
  const name = c.name(limits.maxName);
  const n = c.number();
  if (n > (c.end - c.at) / 2) fail("protocol", `${n} groups announced, ${c.end - c.at} B left`);
  if (n > limits.maxGroups) fail("too_many_groups", `${n} groups exceed limit ${limits.maxGroups}`);
  const groups = [];
  for (let i = 0; i < n; i++) groups.push(c.group(limits.maxName));
  const address = c.text(limits.maxAddr);
  c.done();
  return { name, groups, address };
}

/**
 * @param {Cursor} c
 * @param {typeof boundless} limits
 */
export function readRenamed(c, limits = boundless) {
  const old = c.name(limits.maxName);
  const name = c.name(limits.maxName);
  const address = c.text(limits.maxAddr);
  c.done();
  return { old, name, address };
}

/**
 * @param {Cursor} c
 * @param {number} maxName
 */
export function readReplay(c, maxName) {
  const r = { group: c.group(maxName), epoch: c.positive(), last: c.number(), count: c.number(), again: c.bool() };
  if (r.count > r.last) fail("protocol", `count ${r.count} exceeds ${r.last}, the last number`);
  c.done();
  return r;
}

/** @typedef {ReturnType<typeof readReplay>} Replay */

/**
 * Reads a frame that opens a stream. The name is not checked.
 *
 * @param {Cursor} c
 */
export function readStream(c) {
  const id = c.number() || fail("protocol", "stream: id 0");
  return { id, credit: credit(c, 0), silent: c.bool(), name: c.bytes(), payload: c.rest() };
}

/**
 * Reads an item of a stream, or a part of one.
 *
 * @param {Cursor} c
 * @param {boolean} last it is an item, not a part
 */
export function readItem(c, last) {
  const id = c.number();
  const payload = c.rest();
  return last || payload.length > 0 ? { id, payload } : fail("protocol", "stream part: no payload");
}

/** @param {Cursor} c */
export function readCredit(c) {
  const r = { id: c.number(), credit: credit(c, 1) };
  c.done();
  return r;
}

/**
 * @param {Cursor} c
 * @param {number} least
 */
function credit(c, least) {
  const n = c.number();
  return n < least || n > maxCredit ? fail("protocol", `${n} B of credit, not from ${least} to ${maxCredit} B`) : Number(n);
}
