// The frames to the server: frames that wait to be written, and before them frames that were written and are not
// acknowledged. These are written again when the session goes on over another link.
//
//   ... acknowledged | written and kept | waiting
//                    #head                #next           the end of the last block

import { Cursor } from "./read.js";
import { isCounted, kind, lengthOf, putFrame } from "./wire.js";
import { sizeOf } from "./numbers.js";

/** @typedef {import("./numbers.js").Num} Num */
/** @typedef {{ b: Uint8Array, end: number }} Block frames, up to end */

const smallBlock = 4 << 10;
const largeBlock = 64 << 10;

export class Log {
  /** Whether written frames are kept for a resume. */
  keeps = false;

  /** The number of frames that the server has, and the number that were written over this link or are acknowledged. */
  acked = 0;
  written = 0;

  /** The number of bytes that wait to be written. */
  waiting = 0;

  #limit;
  #queued = 0; // frames in all
  #peak = 0; // frames that were written over any link
  #size = 0; // of all frames that wait or are kept, in bytes
  #longest = 0; // length of the longest frame, in bytes
  /** @type {Block[]} */
  #blocks = [];
  #head = 0; // in the first block: the first byte that is not acknowledged
  #nextBlock = 0;
  #next = 0; // in #nextBlock: the first byte that is not written

  /** @param {number} limit bytes that may wait and be kept, together */
  constructor(limit) {
    this.#limit = limit;
  }

  /** The number of bytes that are written and not acknowledged. */
  get kept() {
    return this.#size - this.waiting;
  }

  /**
   * Reports whether there is room for n bytes. Half of the limit may wait. An empty log has room for any frame.
   *
   * @param {number} n
   * @param {number} [unsent] bytes that are not kept here and wait as well
   */
  admits(n, unsent = 0) {
    const waiting = this.waiting + unsent;
    if (waiting > 0 && waiting + n > this.#limit / 2) return false;
    return this.kept === 0 || this.#size + n <= this.#limit;
  }

  /** Reports whether there is no room even for frames that do not wait for room, such as cancels. */
  get isOver() {
    return this.#size > 2 * Math.max(this.#limit, this.#longest) + largeBlock;
  }

  /**
   * Returns in words why there is no room for n bytes.
   *
   * @param {number} n
   * @param {number} [unsent]
   */
  noRoom(n, unsent = 0) {
    const kept = this.kept > 0 ? `, ${this.kept} B to be acknowledged` : "";
    return `no room for a frame of ${n} B: ${this.waiting + unsent} B wait to be written${kept}, limit ${this.#limit} B`;
  }

  /**
   * Adds a frame. Its length is the result of lengthOf.
   *
   * @param {number} length
   * @param {number} k
   * @param {Num | undefined} id
   * @param {Uint8Array | undefined} name
   * @param {Uint8Array} rest
   */
  add(length, k, id, name, rest) {
    const size = sizeOf(length) + length;
    let block = this.#blocks.at(-1);
    if (!block || block.end + size > block.b.length) {
      const usual = block ? Math.min(2 * block.b.length, largeBlock) : smallBlock;
      const b = new Uint8Array(Math.max(size, usual));
      putFrame(b, 0, length, k, id, name, rest);
      if (block?.end === 0) this.#blocks.pop(); // the only one, which is too small
      block = { b, end: 0 };
      this.#blocks.push(block);
    } else {
      putFrame(block.b, block.end, length, k, id, name, rest);
    }
    block.end += size;
    this.#size += size;
    this.#longest = Math.max(this.#longest, size);
    this.waiting += size;
    this.#queued++;
  }

  /**
   * Gives all waiting frames to write, after control frames. write keeps no bytes.
   *
   * @param {Uint8Array} control
   * @param {(part: Uint8Array) => void} write
   */
  flush(control, write) {
    for (;;) {
      const block = this.#blocks[this.#nextBlock];
      const part = block?.b.subarray(this.#next, block.end) ?? control.subarray(0, 0);
      if (control.length > 0) {
        const both = new Uint8Array(control.length + part.length);
        both.set(control);
        both.set(part, control.length);
        write(both);
        control = control.subarray(0, 0);
      } else if (part.length > 0) {
        write(part);
      }
      if (!block) break;
      this.#next = block.end;
      if (this.#nextBlock === this.#blocks.length - 1) break;
      this.#nextBlock++;
      this.#next = 0;
    }
    this.waiting = 0;
    this.written = this.#queued;
    this.#peak = Math.max(this.#peak, this.written);
    if (!this.keeps) this.#letGo(this.written);
  }

  /**
   * Drops the frames that the server has. It returns false if the server cannot have that many.
   *
   * @param {Num} received the number of frames that the server has
   */
  ack(received) {
    if (received > this.written || received < this.acked) return false;
    this.#letGo(Number(received));
    return true;
  }

  /** @param {number} received */
  #letGo(received) {
    let block = this.#blocks[0];
    while (this.acked < received && block) {
      const c = new Cursor(block.b, this.#head);
      const length = Number(c.number());
      this.#size -= c.at + length - this.#head;
      this.#head = c.at + length;
      this.acked++;
      if (this.#head < block.end) continue;
      this.#head = 0;
      if (this.#blocks.length > 1) {
        this.#blocks.shift();
        if (this.#nextBlock > 0) this.#nextBlock--;
        else this.#next = 0;
      } else if (block.b.length > largeBlock) {
        this.#blocks.length = this.#next = 0;
      } else {
        block.end = this.#next = 0;
      }
      block = this.#blocks[0];
    }
  }

  /** Drops the written frames, and keeps no more of them: the server never acknowledges. */
  stopKeeping() {
    this.keeps = false;
    this.#letGo(this.written);
  }

  /**
   * Begins to write the frames that the server lacks over another link. It returns false if they are not kept, or if the
   * server cannot have that many.
   *
   * @param {Num} received the number of frames that the server has
   */
  resume(received) {
    if (!this.keeps || received < this.acked || received > this.#peak) return false;
    this.#letGo(Number(received)); // perhaps more frames than were written over the last link
    this.#nextBlock = 0;
    this.#next = this.#head;
    this.waiting = this.#size;
    this.written = this.acked;
    return true;
  }

  /** Returns all frames that wait or are kept. */
  bytes() {
    const b = new Uint8Array(this.#size);
    let at = 0;
    this.#blocks.forEach((block, i) => {
      const part = block.b.subarray(i === 0 ? this.#head : 0, block.end);
      b.set(part, at);
      at += part.length;
    });
    return b;
  }

  /**
   * Takes over the frames of a former log. All of them may have been written.
   *
   * @param {number} acked the number of frames before them
   * @param {Uint8Array} frames
   * @param {number} count
   */
  restore(acked, frames, count) {
    this.keeps = true;
    this.acked = acked;
    this.#queued = this.written = this.#peak = acked + count;
    if (frames.length === 0) return;
    this.#blocks = [{ b: frames.slice(), end: frames.length }];
    this.#size = this.#next = frames.length;
  }

  /** The commands and raw messages that the server has not acknowledged, in the form for a sink. */
  undelivered() {
    return undelivered(this.bytes(), this.kept);
  }
}

/**
 * Lists the commands and raw messages in frames. A frame that begins before written was written.
 *
 * @param {Uint8Array} frames
 * @param {number} written in bytes
 */
export function undelivered(frames, written) {
  /** @type {(boolean | string | Uint8Array)[]} */
  const list = [];
  for (const { k, at, body } of split(frames)) {
    if (k === kind.raw) list.push(true, "", body.rest().slice(), at < written);
    if (k === kind.command) list.push(false, new TextDecoder().decode(body.bytes()), body.rest().slice(), at < written);
  }
  return list;
}

/**
 * Yields frames that this page or a former one has made. It ends at bytes that are no frame.
 *
 * @param {Uint8Array} frames
 */
export function* split(frames) {
  for (let at = 0; at < frames.length; ) {
    const c = new Cursor(frames, at);
    let length;
    try {
      length = c.number();
    } catch {
      return;
    }
    const end = c.at + Number(length);
    const k = frames[c.at];
    if (length === 0 || end > frames.length || k === undefined || !isCounted(k)) return;
    yield { k, at, end, body: new Cursor(frames, c.at + 1, end) };
    at = end;
  }
}

/**
 * Returns the length of a frame with its header, in bytes.
 *
 * @param {Num | undefined} id
 * @param {Uint8Array | undefined} name
 * @param {Uint8Array} rest
 */
export function frameSize(id, name, rest) {
  const length = lengthOf(id, name, rest);
  return sizeOf(length) + length;
}
