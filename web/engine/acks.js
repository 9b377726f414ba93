// When an ack is sent: after a number of frames, together with the next write; after a number of bytes, alone; when the
// server asks for it with a ping; and when no more frames come.

const ackFrames = 128;
const ackBytes = 64 << 10;
const maxAckAt = 256 << 10;

/** Returns the bytes after which the server must acknowledge, for a queue of that size. @param {number} queueBytes */
export const ackAt = (queueBytes) => Math.min(Math.floor(queueBytes / 4), maxAckAt);

export class Acks {
  /** The number of counted frames that have come. */
  received = 0;

  #every;
  #at = 0; // received, when the last ack was due
  #bytes = 0; // that have come since
  #looked = 0; // received, at the last look

  /** @param {import("./numbers.js").Num} wanted the bytes after which the server wants an ack, or 0 */
  constructor(wanted) {
    this.#every = wanted ? Number(wanted < 512 ? 512 : wanted > maxAckAt ? maxAckAt : wanted) : maxAckAt;
  }

  /** Notes that the server knows the number of frames. */
  told() {
    this.#at = this.#looked = this.received;
    this.#bytes = 0;
  }

  /**
   * Counts a frame of that size as handled, and queues an ack if one is due.
   *
   * @param {number} size
   * @param {import("./outgoing.js").Outgoing} out
   */
  handled(size, out) {
    this.#bytes += size;
    const frames = this.received - this.#at;
    if (frames < ackFrames && this.#bytes < this.#every) return;
    if (this.#bytes >= this.#every || (this.#bytes >= ackBytes && frames >= ackFrames)) {
      this.#now(out);
    } else if (out.toldAck > this.#at) {
      this.#at = out.toldAck; // another write has carried an ack since
      this.#bytes = 0;
    } else {
      out.ack(this.received, false);
    }
  }

  /** Acknowledges all frames if that is news: the server has asked. @param {import("./outgoing.js").Outgoing} out */
  asked(out) {
    if (this.#at !== this.received) this.#now(out);
  }

  /** Acknowledges all frames, if no more have come since the last look. @param {import("./outgoing.js").Outgoing} out */
  look(out) {
    if (this.received > out.toldAck && this.received === this.#looked) this.#now(out);
    this.#looked = this.received;
  }

  /** @param {import("./outgoing.js").Outgoing} out */
  #now(out) {
    this.#at = this.received;
    this.#bytes = 0;
    out.ack(this.received, true);
  }
}
