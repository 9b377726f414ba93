// When the server is told how much of what it sent has come: after so many frames, with what is written to it anyway; after
// so many bytes too, or as many as it asks for, even if nothing is; when it asks with a ping; and when nothing more comes.

const ackFrames = 128;
const ackBytes = 64 << 10;
const maxAckAt = 256 << 10;

/** Says how often the server of a queue of that size must acknowledge, in bytes. @param {number} queueBytes */
export const ackAt = (queueBytes) => Math.min(Math.floor(queueBytes / 4), maxAckAt);

export class Acks {
  /** How many counted frames have come. */
  received = 0;

  #every;
  #at = 0; // received, when an ack was due last
  #bytes = 0; // since
  #looked = 0; // received, at the last look

  /** @param {import("./numbers.js").Num} wanted how often the server wants acks, in bytes, or 0 */
  constructor(wanted) {
    this.#every = wanted ? Number(wanted < 512 ? 512 : wanted > maxAckAt ? maxAckAt : wanted) : maxAckAt;
  }

  /** Notes that the server knows how many frames have come. */
  told() {
    this.#at = this.#looked = this.received;
    this.#bytes = 0;
  }

  /**
   * Notes that so many bytes of frames have been handled, and lets an ack be written if one is due.
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
      this.#at = out.toldAck; // one was written since, with something else
      this.#bytes = 0;
    } else {
      out.ack(this.received, false);
    }
  }

  /** Acknowledges what has come, if that is news: the server has asked. @param {import("./outgoing.js").Outgoing} out */
  asked(out) {
    if (this.#at !== this.received) this.#now(out);
  }

  /** Acknowledges what came last, if nothing more has come since the last look. @param {import("./outgoing.js").Outgoing} out */
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
