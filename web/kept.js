// The session of a client over a reload of its page. The page puts it into the storage of the tab when it is left,
// and the next page takes it out, so it is used once. If the storage fails, or holds something else, the client joins anew.

/** @typedef {{ v: number, name: string, session: string, raw: string[] }} Entry v is the version; session and raw are in base64 */

const version = 1;
const prefix = "hisock session ";

/**
 * Returns the keys of the clients of this page: two clients must not take each other's session. All copies of this module that the page has
 * loaded share them.
 *
 * @returns {Set<string>}
 */
const used = () => (/** @type {any} */ (globalThis)[Symbol.for("hisock kept sessions")] ??= new Set());

export class KeptSession {
  #key;
  #name;
  /** @type {string | undefined} the entry that was taken out, until the client has connected */
  #taken;

  #stored = ""; // the entry that was put there
  #holds = false; // the key is of this client

  /** The session for the engine to go on with. Empty if there is none. */
  session = new Uint8Array(0);
  /** @type {Uint8Array[]} raw messages that had arrived at the page before and were not taken by recvRaw */
  raw = [];

  /**
   * Takes the session out of the storage, if there is a session of a client that asked for the same name.
   *
   * @param {string} key
   * @param {string} name
   */
  constructor(key, name) {
    this.#key = prefix + key;
    this.#name = name;
    if (used().has(this.#key)) {
      throw new TypeError(`hisock: keepSession: a client of this page keeps its session as "${key}" already: give each a key of its own`);
    }
    used().add(this.#key);
    this.#holds = true;
    this.take();
  }

  /** Takes the session out of the storage. It returns true if it is that which store has put there. */
  take() {
    this.session = new Uint8Array(0);
    this.raw = [];
    try {
      const text = sessionStorage.getItem(this.#key);
      if (text === null) return false;
      sessionStorage.removeItem(this.#key);
      const entry = /** @type {Entry} */ (JSON.parse(text));
      if (entry.v !== version || entry.name !== this.#name) return false;
      const raw = entry.raw.map(bytesOf);
      this.session = bytesOf(entry.session);
      this.raw = raw;
      this.#taken = text;
      return text === this.#stored;
    } catch {
      return false; // there is no storage, or the entry is not one of this module
    }
  }

  /** Notes that the entry that was taken out has been used. */
  connected() {
    this.#taken = undefined;
  }

  /** Puts the entry back if it was taken out and has not been used. It returns false if there is none, or no room. */
  putBack() {
    return this.#taken !== undefined && this.#set(this.#taken);
  }

  /**
   * Makes room in the storage for a session and for raw messages. It returns false if there is no
   * room, or no storage.
   *
   * @param {number} size the greatest size of the session, in bytes
   * @param {Uint8Array[]} raw
   */
  reserve(size, raw) {
    return this.#set(this.#text("=".repeat(4 * Math.ceil(size / 3)), raw));
  }

  /**
   * Stores a session after reserve has made room. It returns false if nothing is stored.
   *
   * @param {Uint8Array | undefined} session undefined if there is no session after all
   * @param {Uint8Array[]} raw
   */
  store(session, raw) {
    this.#stored = session ? this.#text(base64(session), raw) : "";
    if (session && this.#set(this.#stored)) return true;
    sessionStorage.removeItem(this.#key);
    return false;
  }

  /** Lets other clients of the page use the key. */
  release() {
    if (this.#holds) used().delete(this.#key);
    this.#holds = false;
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
      return false; // the storage is full, or this page may not use it
    }
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 1 << 13) {
    text += String.fromCharCode(...bytes.subarray(i, i + (1 << 13))); // the number of arguments of a call is limited
  }
  return btoa(text);
}

/** @param {string} text */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
