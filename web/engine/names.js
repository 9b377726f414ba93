// The characters of the names of clients, groups and commands: wire.NameRune has the same for Go.

import { HisockError } from "../errors.js";

export const encoder = new TextEncoder();
export const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Characters that are invisible or look like a space, halves of surrogate pairs, private use, and the planes without a
// script.
const unfit =
  /(?! )[\p{Z}\p{Cc}\p{Cs}\p{Co}\p{DI}\p{NChar}\u2800\u2d7f\ufff9-\ufffc\u{1107f}\u{13430}-\u{13442}\u{13447}-\u{13455}\u{16fe4}\u{1bc9d}\u{1d159}\u{1da9b}-\u{1daaf}\u{3fffe}-\u{10ffff}]/u;

/** The longest name of a command for a page, and for a server whose welcome has no limit, in bytes. */
export const maxCommand = 256;

/** The longest name of a client or group, in bytes: no hello has room for a longer one. */
export const maxName = 8 << 10;

/**
 * Returns in words what is wrong with a name of size bytes, or nothing.
 *
 * @param {string} name
 * @param {number} size
 * @param {number} max in bytes
 */
export function nameFault(name, size, max) {
  if (name === "") return "name is empty";
  if (size > max) return `name ${quote(name)}: ${size} B exceeds limit ${max} B`;
  if (unfit.test(name)) return `name ${quote(name)}: control character, or one that nobody sees`;
  if (name.startsWith(" ") || name.endsWith(" ")) return `name ${quote(name)}: a space at its beginning or end`;
  return "";
}

/** @param {string} name */
const quote = (name) => JSON.stringify(name.length > 48 ? `${name.slice(0, 48)}…` : name);

/**
 * Returns the bytes of a name that this page uses, or in words why it is refused.
 *
 * @param {string} name
 * @param {number} max in bytes
 */
export function nameBytes(name, max) {
  const bytes = encoder.encode(name);
  // Half of a surrogate pair has become U+FFFD.
  const why = nameFault(bytes.length === name.length ? name : decoder.decode(bytes), bytes.length, max);
  return why ? new HisockError("bad_name", why) : bytes;
}

/**
 * Returns in words why a command cannot have that name, or nothing. The names of events are reserved.
 *
 * @param {string} name
 */
export function checkCommand(name) {
  const bytes = nameBytes(name, maxCommand);
  if (bytes instanceof Error) return bytes;
  if (!/^(join|leave|message|client_connect|client_disconnect|force_disconnect)$/.test(name)) return undefined;
  return new HisockError("bad_name", `command "${name}" is reserved: use the method of that event`);
}

const slots = 64;

/** The last names that came or went: a name that is used again is neither converted nor checked. */
export class Names {
  /** @type {(Uint8Array | undefined)[]} */
  #bytes = Array(slots).fill(undefined);
  #texts = Array(slots).fill("");

  /**
   * Returns the name in a part of b, or nothing if it is no name.
   *
   * @param {Uint8Array} b
   * @param {number} from
   * @param {number} to
   * @returns {string | undefined}
   */
  get(b, from, to) {
    const size = to - from;
    let slot = size;
    for (let i = from; i < to; i++) slot = (slot * 31 + /** @type {number} */ (b[i])) | 0;
    slot &= slots - 1;
    const known = this.#bytes[slot];
    if (known?.length === size) {
      let i = 0;
      while (i < size && known[i] === b[from + i]) i++;
      if (i === size) return this.#texts[slot];
    }
    if (size > maxName) return undefined;
    const bytes = b.slice(from, to);
    let text;
    try {
      text = decoder.decode(bytes);
    } catch {
      return undefined;
    }
    if (nameFault(text, size, maxName)) return undefined;
    this.#bytes[slot] = bytes;
    this.#texts[slot] = text;
    return text;
  }

  /** @type {Map<string, Uint8Array>} */
  #sent = new Map();

  /**
   * Returns the bytes of a name that this page uses, or in words why it is refused.
   *
   * @param {string} name
   */
  bytes(name) {
    const known = this.#sent.get(name);
    if (known) return known;
    const bytes = nameBytes(name, maxName);
    if (bytes instanceof Error) return bytes;
    if (this.#sent.size >= 4 * slots) this.#sent.clear();
    this.#sent.set(name, bytes);
    return bytes;
  }
}
