// Warnings in the console about events that no handler is told. No server can fill the console.

import { reportError } from "./errors.js";

/** @typedef {import("./hisock.d.ts").Log} Log */

// Of warnings with the same message the first atOnce are shown, and then one in each period of every milliseconds.
const atOnce = 5;
const every = 10_000;

// maxMessages is how many different messages are counted separately; all others are counted together. maxText is
// how much of a text is shown, in characters.
const maxMessages = 64;
const maxText = 512;

export class Warnings {
  /** @type {Log | undefined} */
  #log;

  /**
   * By message: full is the time in milliseconds from which on atOnce warnings may be shown again, left is how many
   * warnings have been left out since the last one shown.
   *
   * @type {Map<string, { full: number, left: number }>}
   */
  #kinds = new Map();

  /** @param {Log | false | undefined} log */
  constructor(log) {
    this.#log = log === false ? undefined : (log ?? ((message, details) => console.warn(message, details)));
  }

  /** @param {import("./errors.js").HisockError} err */
  error(err) {
    const words = { unknown_command: "a command has no handler", bad_payload: "a payload does not convert" };
    const what = words[/** @type {keyof typeof words} */ (err.code)] ?? "something failed";
    this.#show(`hisock: ${what}`, { code: err.code, err: err.message });
  }

  /**
   * @param {string} message
   * @param {(string | number)[]} args keys and values in turn
   */
  pairs(message, args) {
    /** @type {Record<string, string | number>} */
    const details = {};
    for (let i = 0; i + 1 < args.length; i += 2) details[String(args[i])] = /** @type {string | number} */ (args[i + 1]);
    this.#show(message, details);
  }

  /**
   * @param {string} message
   * @param {Record<string, string | number>} details
   */
  #show(message, details) {
    if (!this.#log) return;
    const now = performance.now();
    const kind = this.#kinds.has(message) || this.#kinds.size < maxMessages ? message : "";
    const entry = this.#kinds.get(kind) ?? { full: 0, left: 0 };
    this.#kinds.set(kind, entry);
    if (entry.full - now > (atOnce - 1) * every) {
      entry.left++;
      return;
    }
    entry.full = Math.max(entry.full, now) + every;
    for (const [key, value] of Object.entries(details)) {
      if (typeof value === "string" && value.length > maxText) details[key] = `${value.slice(0, maxText)}… (${value.length})`;
    }
    if (entry.left > 0) details.left_out = entry.left;
    entry.left = 0;
    try {
      this.#log(message, details);
    } catch (err) {
      reportError(err);
    }
  }
}
