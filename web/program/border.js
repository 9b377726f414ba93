// Where the page and the Go program hand each other records: whatever there may be many of in a second. wasm/border_js.go
// has the program's side, and says how records look. The page writes them into the program's memory, and reads them there.

/** @typedef {import("../native.d.ts").Sink} Sink */
/**
 * @typedef {object} Offer what the program offers besides the functions of native.d.ts
 * @property {() => import("../errors.js").HisockError | undefined} cross takes all records that were written
 * @property {(size: number) => void} reserve makes room for a long record
 * @property {number} cells the address of the cells of the border
 */

const head = 24; // bytes of a record

// The cells of the border: indices of numbers of 4 bytes.
const cellUsed = 0;
const cellAt = 1;
const cellSize = 2;
const cellBatch = 3;

/** Records of the page. */
export const ask = { send: 1, sendRaw: 2, call: 3, answer: 4, open: 5, want: 6, item: 7, finish: 8, begin: 9, leave: 10 };
/** Records of the program. */
export const event = { command: 1, raw: 2, called: 3, settled: 4, streamed: 5, item: 6, room: 7, drained: 8 };

/** @type {Uint8Array} */
export const none = new Uint8Array(0);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class Border {
  /** What handles records of the program, by the number of the client. @type {Map<number, (r: Reader) => void>} */
  clients = new Map();
  /** How often records have crossed to the program. */
  crossed = 0;

  #memory;
  /** @type {Offer | undefined} until the program is ready */
  #offer;
  #report;
  /** All memory of the program. @type {Uint8Array} */
  #bytes = none;
  /** @type {Uint32Array} */
  #words = new Uint32Array(0);
  #used = 0; // bytes of records that were written
  #scheduled = false;
  #reader = new Reader();

  /**
   * @param {WebAssembly.Memory} memory
   * @param {(err: unknown) => void} report is told of what should not happen
   */
  constructor(memory, report) {
    this.#memory = memory;
    this.#report = report;
  }

  /** @param {Offer} offer */
  begin(offer) {
    this.#offer = offer;
  }

  /** The memory of the program in numbers of 4 bytes. It is another one when the memory has grown. */
  get words() {
    const { buffer } = this.#memory;
    if (this.#words.buffer !== buffer) {
      this.#bytes = new Uint8Array(buffer);
      this.#words = new Uint32Array(buffer);
    }
    return this.#words;
  }

  /** @param {number} i */
  #cell(i) {
    return (/** @type {Offer} */ (this.#offer).cells >> 2) + i;
  }

  /**
   * Writes a record, which crosses with the others at the end of the task.
   *
   * @param {number} kind
   * @param {number} client
   * @param {number} id
   * @param {number} flags
   * @param {Uint8Array} name
   * @param {Uint8Array} payload
   */
  put(kind, client, id, flags, name, payload) {
    const length = payload.length;
    const size = (head + name.length + length + 3) & ~3;
    let words = this.words;
    if (this.#used + size > /** @type {number} */ (words[this.#cell(cellSize)])) words = this.#makeRoom(size);
    const at = /** @type {number} */ (words[this.#cell(cellAt)]) + this.#used;
    this.#bytes.set(name, at + head);
    this.#bytes.set(payload, at + head + name.length); // throws if the page has given its buffer away: then there is no record
    const w = at >> 2;
    words[w] = kind;
    words[w + 1] = client;
    words[w + 2] = id;
    words[w + 3] = flags;
    words[w + 4] = name.length;
    words[w + 5] = length;
    this.#used += size;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#cross);
  }

  /** @param {number} size */
  #makeRoom(size) {
    this.flush();
    if (size > /** @type {number} */ (this.words[this.#cell(cellSize)])) this.#offer?.reserve(size);
    return this.words;
  }

  #cross = () => {
    this.#scheduled = false;
    const err = this.flush();
    if (err) this.#report(err);
  };

  /** Hands over the records that were written. It returns an error of the last one, if that asks for it. */
  flush() {
    if (this.#used === 0) return undefined;
    this.words[this.#cell(cellUsed)] = this.#used;
    this.#used = 0;
    this.crossed++;
    return this.#offer?.cross();
  }

  /**
   * Takes records of the program. The program calls it.
   *
   * @param {number} size
   */
  deliver(size) {
    const words = this.words;
    const r = this.#reader;
    r.begin(this.#bytes, words);
    let at = /** @type {number} */ (words[this.#cell(cellBatch)]);
    for (const end = at + size; at < end; ) {
      at = r.next(at);
      try {
        this.clients.get(r.client)?.(r);
      } catch (err) { // which must not reach the program
        this.#report(err);
      }
    }
  }
}

const slots = 64;

/** Reads the records of the program. It is valid while the border delivers. */
export class Reader {
  kind = 0;
  client = 0;
  id = 0;
  flags = 0;

  #bytes = none;
  /** @type {Uint32Array} */
  #words = new Uint32Array(0);
  #at = 0;
  #nameSize = 0;
  #payloadSize = 0;

  // Names that came last, so that a name which comes again is not converted.
  /** @type {(Uint8Array | undefined)[]} */
  #known = Array(slots).fill(undefined);
  #texts = Array(slots).fill("");

  /** @param {Uint8Array} bytes @param {Uint32Array} words */
  begin(bytes, words) {
    this.#bytes = bytes;
    this.#words = words;
  }

  /**
   * Goes to the record at an address, and returns the address of the next.
   *
   * @param {number} at
   */
  next(at) {
    const w = at >> 2;
    const word = (/** @type {number} */ i) => /** @type {number} */ (this.#words[w + i]);
    this.kind = word(0);
    this.client = word(1);
    this.id = word(2);
    this.flags = word(3);
    this.#nameSize = word(4);
    this.#payloadSize = word(5);
    this.#at = at + head;
    return (this.#at + this.#nameSize + this.#payloadSize + 3) & ~3;
  }

  /** The payload, which is the page's own. */
  get payload() {
    const at = this.#at + this.#nameSize;
    return this.#bytes.slice(at, at + this.#payloadSize);
  }

  get name() {
    const b = this.#bytes;
    const size = this.#nameSize;
    const from = this.#at;
    let slot = size;
    for (let i = from; i < from + size; i++) slot = (slot * 31 + /** @type {number} */ (b[i])) | 0;
    slot &= slots - 1;
    const known = this.#known[slot];
    if (known?.length === size) {
      let i = 0;
      while (i < size && known[i] === b[from + i]) i++;
      if (i === size) return this.#texts[slot];
    }
    const bytes = b.slice(from, from + size);
    this.#known[slot] = bytes;
    return (this.#texts[slot] = decoder.decode(bytes));
  }
}
