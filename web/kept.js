// The session of a client over a reload of its page. The page puts it into the storage of the tab as it goes,
// and the next page takes it out: it is used once. If the storage fails, or holds something else, the client joins anew.

/** @typedef {{ v: number, name: string, session: string, raw: string[] }} Entry bytes in base64 */

const version = 1;
const prefix = "hisock session ";

/** The keys of the clients of this page: two of them must not take each other's session. */
const used = new Set();

export class KeptSession {
  #key;
  #name;
  /** @type {string | undefined} what was taken out, until the client has connected */
  #taken;

  /** What Go is to go on with; empty if there is nothing. */
  session = new Uint8Array(0);
  /** @type {Uint8Array[]} raw messages that the page before had got and nobody had asked for */
  raw = [];

  /**
   * Takes the session out of the storage, if there is one of a client that asked for the same name.
   *
   * @param {string} key
   * @param {string} name
   */
  constructor(key, name) {
    this.#key = prefix + key;
    this.#name = name;
    if (used.has(this.#key)) {
      throw new TypeError(`hisock: keepSession: a client of this page keeps its session as "${key}" already: give each a key of its own`);
    }
    used.add(this.#key);
    try {
      const text = sessionStorage.getItem(this.#key);
      if (text === null) return;
      sessionStorage.removeItem(this.#key);
      const entry = /** @type {Entry} */ (JSON.parse(text));
      if (entry.v !== version || entry.name !== name) return;
      const raw = entry.raw.map(bytesOf);
      this.session = bytesOf(entry.session);
      this.raw = raw;
      this.#taken = text;
    } catch {
      // There is no storage, or this is not what was put there.
    }
  }

  /** Says that what was taken out has been used. */
  connected() {
    this.#taken = undefined;
  }

  /** Puts back what was taken out and has not been used. It returns false if there is no such thing. */
  putBack() {
    return this.#taken !== undefined && this.#set(this.#taken);
  }

  /**
   * Makes room for a session of so many bytes and for raw messages. It returns false if there is not
   * enough, or no storage.
   *
   * @param {number} size
   * @param {Uint8Array[]} raw
   */
  reserve(size, raw) {
    return this.#set(this.#text("=".repeat(4 * Math.ceil(size / 3)), raw));
  }

  /**
   * Stores a session in the room that was made.
   *
   * @param {Uint8Array | undefined} session nothing if there is none after all
   * @param {Uint8Array[]} raw
   */
  store(session, raw) {
    if (session && this.#set(this.#text(base64(session), raw))) return true;
    sessionStorage.removeItem(this.#key);
    return false;
  }

  /** Lets other clients of the page have the key. */
  release() {
    used.delete(this.#key);
  }

  /**
   * @param {string} session
   * @param {Uint8Array[]} raw
   */
  #text(session, raw) {
    return JSON.stringify({ v: version, name: this.#name, session, raw: raw.map(base64) });
  }

  /** @param {string} text */
  #set(text) {
    try {
      sessionStorage.setItem(this.#key, text);
      return true;
    } catch {
      return false; // it is full, or closed to this page
    }
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 1 << 13) {
    text += String.fromCharCode(...bytes.subarray(i, i + (1 << 13))); // more arguments might be too many
  }
  return btoa(text);
}

/** @param {string} text */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
