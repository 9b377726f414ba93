// The receiver of a file.

import { HisockError } from "../errors.js";
import { broken, done, hashSize, hexOf, maxChunk, offerSize, offsetBytes, readLength, readOffer, readOffset, same } from "./format.js";
import { early, Input } from "./input.js";
import { hashOf } from "./send.js";
import { Sha256 } from "./sha256.js";

/** @typedef {import("../files.d.ts").Target} Target */

/**
 * @param {import("../hisock.d.ts").ByteStreams} streams
 * @param {Target} target
 * @param {number} most bytes of a file
 * @param {import("./meter.js").Meter} meter
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<import("../files.d.ts").Receipt>}
 */
export async function receiveOver({ readable, writable }, target, most, meter, signal) {
  const input = new Input(readable);
  const writer = writable.getWriter();
  /** @type {WritableStreamDefaultWriter<Uint8Array> | undefined} */
  let to;
  try {
    const { size, seek } = readOffer(await input.exactly(offerSize));
    meter.size = size;
    if ((size ?? 0) > most) throw tooBig(most);
    const part = await target.part();
    const has = seek && part.size <= (size ?? 0) ? part.size : 0;
    await writer.write(offsetBytes(has));
    let sum = new Sha256();
    await hashOf(part.slice(0, has), sum, signal);
    await writer.write(sum.digest());
    const from = readOffset(await input.exactly(8));
    if (from !== 0 && from !== has) throw broken("the sender begins where it was not asked to");
    if (from === 0) sum = new Sha256();
    to = (await target.open(from)).getWriter();
    meter.begin(from);
    while (await receiveChunk(input, to, sum, most, meter, signal));
    const want = await input.exactly(hashSize);
    if (size !== undefined && meter.done !== size) throw broken("the sender sends less than it has offered");
    if (!same(sum.digest(), want)) {
      await to.abort();
      await target.discard();
      throw new HisockError("bad_payload", "the checksum is wrong");
    }
    await to.close();
    writer.write(new Uint8Array([done])).catch(() => {}); // the transfer has succeeded without it: a sender that misses it sends the file again
    meter.size = meter.done;
    meter.now();
    return { size: meter.done, from, sha256: hexOf(want) };
  } catch (err) {
    await to?.abort(err).catch(() => {}); // a target may keep the received part
    throw err;
  } finally {
    meter.stop();
    input.release();
    writer.releaseLock();
  }
}

/**
 * Receives one chunk. It returns false for the empty chunk, which ends the file.
 *
 * @param {Input} input
 * @param {WritableStreamDefaultWriter<Uint8Array>} to
 * @param {Sha256} sum
 * @param {number} most
 * @param {import("./meter.js").Meter} meter
 * @param {AbortSignal | undefined} signal
 */
async function receiveChunk(input, to, sum, most, meter, signal) {
  let left = readLength(await input.exactly(4));
  if (left > maxChunk) throw broken("a chunk that is longer than chunks may be");
  if (meter.size !== undefined && left > meter.size - meter.done) throw broken("the sender sends more than it has offered");
  if (meter.done + left > most) throw tooBig(most);
  if (left === 0) return false;
  while (left > 0) {
    const bytes = await input.some(left);
    if (!bytes) throw early();
    signal?.throwIfAborted();
    sum.update(bytes);
    left -= bytes.length;
    await to.write(bytes);
    meter.add(bytes.length);
  }
  return true;
}

/** @param {number} most */
const tooBig = (most) => new HisockError("too_big", `the file has more than the ${most} B that are taken`);
