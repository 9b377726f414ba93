// One attempt to connect: the client's hello, and the server's answer.

import { HisockError } from "../errors.js";
import { ackAt } from "./acks.js";
import { fits } from "./detach.js";
import { goodbye, typed } from "./fault.js";
import { dial } from "./link.js";
import { maxName, nameBytes } from "./names.js";
import { defaultMaxFrame, frame, goodbyeBody, helloFrame, kind, none } from "./wire.js";
import { Wish } from "./wish.js";

/** @typedef {import("./conn.js").Conn} Conn */
/** @typedef {import("./parked.js").Parked} Parked */
/** @typedef {import("./link.js").Welcomed} Welcomed */
/** @typedef {Welcomed & { wish: Wish, took: number }} Newcomer */

// Limits in bytes: of the positions in a hello, and of a hello with positions.
const helloPositions = 2 << 10;
const helloRoom = 4 << 10;

/** Makes the attempts of one client. */
export class Attempts {
  /** The session of the page before, until the client has connected. @type {Parked | undefined} */
  parked;
  /** Frames of a session that is over, until they are handed back. */
  lost = none;
  /** The next hello asks only for the name and groups of the options. */
  plain = false;

  #client;
  #config;

  /**
   * @param {import("./client.js").EngineClient} client
   * @param {import("../native.d.ts").Config} config
   */
  constructor(client, config) {
    this.#client = client;
    this.#config = config;
  }

  /**
   * Connects and shakes hands.
   *
   * @param {AbortSignal} signal
   * @param {Conn | undefined} last the connection before, if there was one
   * @param {boolean} goOn the client wants to resume it
   * @param {number} most milliseconds that the attempt may take
   * @returns {Promise<Newcomer>}
   */
  async make(signal, last, goOn, most) {
    const wish = new Wish(this.#config, last, this.plain);
    const parked = last ? undefined : this.parked;
    const hello = await this.#hello(signal, wish, goOn ? last : undefined, parked);
    const begun = Date.now();
    const bound = last || this.#config.first ? most : 0; // the page bounds a single attempt
    let welcomed;
    try {
      welcomed = await this.#dial(signal, hello, bound);
    } catch (err) {
      const { code, remote } = typed(err);
      if (remote && (code === "too_big" || code === "bad_name") && hello.positions?.length) {
        welcomed = await this.#dial(signal, { ...hello, positions: [] }, bound); // better without positions than not at all
      } else if (parked && code === "session_over") {
        return this.#joinAnew(signal, parked, most);
      } else {
        throw err;
      }
    }
    if (parked && welcomed.welcome.resumed && !fits(parked, welcomed.welcome.received)) {
      leave(welcomed);
      return this.#joinAnew(signal, parked, most);
    }
    return { ...welcomed, wish, took: Date.now() - begun };
  }

  /**
   * @param {AbortSignal} signal
   * @param {Parked} parked a session that is over
   * @param {number} most
   */
  #joinAnew(signal, parked, most) {
    this.lost = parked.outbox;
    this.parked = undefined;
    return this.make(signal, undefined, false, most);
  }

  /**
   * @param {AbortSignal} signal
   * @param {Wish} wish
   * @param {Conn | undefined} conn the connection to resume
   * @param {Parked | undefined} parked the session to go on with
   * @returns {Promise<import("./wire.js").Hello>}
   */
  async #hello(signal, wish, conn, parked) {
    const { auth, maxFrame, metadata, name, groups, stay } = this.#config;
    for (const text of name ? [name, ...groups] : groups) {
      const fault = nameBytes(text, maxName);
      if (fault instanceof Error) throw fault;
    }
    const session = conn?.isResumable ? { session: conn.id, token: conn.token, received: conn.acks.received }
      : parked && { session: parked.id, token: parked.token, received: parked.received };
    const base = {
      notices: this.#client.notices, maxFrame: maxFrame || defaultMaxFrame, resume: !stay, ackBytes: ackAt(this.#client.queueBytes), ...session,
    };
    if (session && !auth) return { ...base, onlyResume: true }; // a client whose session is over joins with fresh auth
    const hello = { ...base, name: wish.name, groups: wish.groups, metadata, auth: auth ?? (await this.#client.askAuth(signal)) };
    return { ...hello, positions: this.#positions(hello) };
  }

  /**
   * Returns the positions of the client. Positions in the groups of its hello come first.
   *
   * @param {import("./wire.js").Hello} hello
   */
  #positions(hello) {
    const { book } = this.#client;
    let room = Math.min(helloPositions, helloRoom - helloFrame(hello).length);
    return [...new Set([...(hello.groups ?? []), ...[...book.left].reverse()])].flatMap((group) => {
      const at = book.position(group);
      const size = at ? helloFrame({ positions: [at] }).length : 0;
      if (!at || size > room) return [];
      room -= size;
      return [at];
    });
  }

  /**
   * @param {AbortSignal} signal
   * @param {import("./wire.js").Hello} hello
   * @param {number} most in milliseconds, or 0
   */
  async #dial(signal, hello, most) {
    const { url, maxFrame } = this.#config;
    const late = new AbortController();
    const timer = most && setTimeout(() => late.abort(new HisockError("deadline_exceeded", `the server did not answer within ${most} ms`)), most);
    try {
      return await dial(url, helloFrame(hello), maxFrame || defaultMaxFrame, AbortSignal.any([signal, late.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Lets a client try again with the name and groups of the options only, after its hello was refused for a reason
   * that other names and groups may have caused. It returns false if the hello had no others.
   *
   * @param {Conn} last
   * @param {HisockError} why
   */
  simplify(last, why) {
    const { more, name } = new Wish(this.#config, last, this.plain);
    const renamed = name !== this.#config.name;
    if (/^(too_big|too_many_groups|bad_name)$/.test(String(why.code))) return (this.plain = more > 0 || renamed);
    return why.code === "name_taken" && (this.plain = renamed);
  }
}

/** Says goodbye over a link that is not needed. @param {Welcomed} welcomed */
export function leave({ link }) {
  link.write(frame(kind.goodbye, undefined, undefined, goodbyeBody(goodbye("closed", ""), defaultMaxFrame)));
  link.close();
}
