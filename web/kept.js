// Keeps the session of a client while its page reloads. A page that is left puts the session into the storage of the tab. The next page takes the
// session out, so only one page uses it. The client joins anew if the storage fails or has no session.

/** @typedef {{ v: number, name: string, session: string, raw: string[] }} Entry v is the version; session and raw are in base64 */

const version = 1;
const prefix = "hisock session ";

/**
 * Returns the keys of this page's clients, so that no client takes the session of another one. All copies of this module on the page
 * share the set.
 *
 * @returns {Set<string>}
 */
const used = () => (/** @type {any} */ (globalThis)[Symbol.for("hisock kept sessions")] ??= new Set());

export class KeptSession {
  #key;
  #name;
  /** @type {string | undefined} the entry that take has taken out, until the client has connected */
  #taken;

  #stored = ""; // the entry of the last store
  #holds = false; // whether this client has the key

  /** The session that the engine resumes. Empty if there is none. */
  session = new Uint8Array(0);
  /** @type {Uint8Array[]} raw messages that arrived at the page before this one, and that recvRaw did not take there */
  raw = [];

  /**
   * Takes the session out of the storage, if it is the session of a client that asked for the same name.
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

  /** Takes the session out of the storage. It returns true if store has put this very session there. */
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

  /** Is called when the client has connected: then putBack has nothing to put back. */
  connected() {
    this.#taken = undefined;
  }

  /** Puts the entry back that take has taken out. It returns false if there is none, if the client has connected, or if there is no room. */
  putBack() {
    return this.#taken !== undefined && this.#set(this.#taken);
  }

  /**
   * Keeps room in the storage for a session and for raw messages. It returns false if there is no room or no storage.
   *
   * @param {number} size the greatest possible size of the session, in bytes
   * @param {Uint8Array[]} raw
   */
  reserve(size, raw) {
    return this.#set(this.#text("=".repeat(4 * Math.ceil(size / 3)), raw));
  }

  /**
   * Stores a session in the room that reserve keeps. It returns false if it has stored nothing.
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
