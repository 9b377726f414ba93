// The sender of a file.

import { HisockError } from "../errors.js";
import { broken, done, hashSize, hexOf, lengthBytes, offerBytes, offsetBytes, readOffset, same } from "./format.js";
import { Input } from "./input.js";
import { Sha256 } from "./sha256.js";

/** @typedef {import("../files.d.ts").Source} Source */

const chunkSize = 64 << 10; // bytes, after which the page is told how far the transfer is

/**
 * @param {import("../hisock.d.ts").ByteStreams} streams
 * @param {Source} source
 * @param {import("./meter.js").Meter} meter
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<import("../files.d.ts").Receipt>}
 */
export async function sendOver({ readable, writable }, source, meter, signal) {
  const input = new Input(readable);
  const writer = writable.getWriter();
  const size = source instanceof Blob ? source.size : undefined;
  meter.size = size;
  try {
    await writer.write(offerBytes({ size, seek: size !== undefined }));
    const has = readOffset(await input.exactly(8));
    if (has > (size ?? 0)) throw broken("the receiver has more bytes than it can have");
    const hash = new Sha256();
    if (source instanceof Blob) await hashOf(source.slice(0, has), hash, signal); // meanwhile the receiver does the same
    const agrees = same(await input.exactly(hashSize), hash.digest());
    const from = agrees ? has : 0;
    const sum = from === has ? hash : new Sha256();
    await writer.write(offsetBytes(from));
    meter.begin(from);
    await sendContent(writer, source instanceof Blob ? source.slice(from).stream() : source, sum, meter, signal);
    if (size !== undefined && meter.done !== size) throw new HisockError("internal", "the file has changed while it was sent");
    const whole = sum.digest();
    await writer.write(lengthBytes(0));
    await writer.write(whole);
    if ((await input.exactly(1))[0] !== done) throw broken("the receiver did not say that the file is in its place");
    meter.size = meter.done;
    meter.now();
    return { size: meter.done, from, sha256: hexOf(whole) };
  } finally {
    meter.stop();
    input.release();
    writer.releaseLock();
  }
}

/**
 * @param {WritableStreamDefaultWriter<import("../hisock.d.ts").Bytes>} writer
 * @param {ReadableStream<unknown>} content
 * @param {Sha256} sum
 * @param {import("./meter.js").Meter} meter
 * @param {AbortSignal | undefined} signal
 */
async function sendContent(writer, content, sum, meter, signal) {
  const from = new Input(content);
  try {
    for (let chunk = await from.some(chunkSize); chunk; chunk = await from.some(chunkSize)) {
      signal?.throwIfAborted();
      sum.update(chunk);
      writer.write(lengthBytes(chunk.length)).catch(() => {}); // the next one fails, too
      await writer.write(chunk);
      meter.add(chunk.length);
    }
  } catch (err) {
    from.cancel(err).catch(() => {}); // nobody needs more of it
    throw err;
  }
}

/**
 * Hashes what a blob has.
 *
 * @param {Blob} blob
 * @param {Sha256} hash
 * @param {AbortSignal | undefined} signal
 */
export async function hashOf(blob, hash, signal) {
  const from = new Input(blob.stream());
  for (let bytes = await from.some(chunkSize); bytes; bytes = await from.some(chunkSize)) {
    signal?.throwIfAborted();
    hash.update(bytes);
  }
}
