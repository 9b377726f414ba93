// What becomes of a client when its page is left: its session is kept for the next page, or the page is in the back/forward cache and
// the client comes back with the page.

import { HisockError } from "./errors.js";
import { Given } from "./given.js";
import { KeptSession } from "./kept.js";

/** @typedef {import("./native.d.ts").Config} Config */
/** @typedef {import("./native.d.ts").NativeClient} NativeClient */
/**
 * @typedef {object} Leaver the client, as this module needs it
 * @property {NativeClient | undefined} native
 * @property {Uint8Array[]} raw messages that have arrived and that nobody has taken
 * @property {() => void} forget drops the events of the client of the engine, which is about to end
 * @property {() => void} leave hears nothing more: the page is left for good
 * @property {(why: HisockError) => void} lose goes on without a client of the engine, until comeBack
 * @property {(config: Config, raw: Uint8Array[]) => void} comeBack connects again, and is given raw messages of the page before
 */

export class Away {
  #config;
  #given;
  #kept;
  /** What the client connects with when the page is shown again. @type {Config | undefined} nothing while it is shown */
  #later;
  /**
   * What the client of a page that is shown again connects with, until it has.
   *
   * @type {{ config: Config, isOwn: boolean } | undefined} isOwn unless another page has gone on with the session
   */
  #returns;

  /** @param {import("./connection.js").Options} options */
  constructor({ config, keepAs }) {
    this.#config = config;
    this.#given = new Given(config);
    this.#kept = keepAs === undefined ? undefined : new KeptSession(keepAs, config.name);
  }

  /** What the client connects with at first: perhaps with the session of the page before. */
  get config() {
    return this.#kept ? { ...this.#config, session: this.#kept.session } : this.#config;
  }

  /** Raw messages that the page before has left. */
  get raw() {
    return this.#kept?.raw ?? [];
  }

  /** Whether the page is away, or the client has not come back yet. */
  get isAway() {
    return Boolean(this.#later || this.#returns);
  }

  /** Leaves the session to the next connect, if it has not been used. */
  putBack() {
    this.#kept?.putBack();
  }

  /** Notes the end of the client. */
  end() {
    this.#later = this.#returns = undefined;
    this.#kept?.release();
  }

  /** Notes that the client is there. */
  connected() {
    this.#kept?.connected();
  }

  /** Notes what the server gave the client as it joined. @param {NativeClient} native */
  joined(native) {
    this.#given.joined(native);
  }

  /**
   * Notes a state of a client that comes back. It returns the state that the page is told, or nothing if the page has been told enough.
   *
   * @param {import("./hisock.d.ts").State | "resumed"} state
   */
  returned(state) {
    if (state === "connecting" || state === "disconnected") return undefined; // the page has been told "reconnecting"
    const own = this.#returns?.isOwn;
    this.#returns = undefined;
    this.#kept?.connected();
    return own ? state : "connected";
  }

  /**
   * Lets the client go when the page is left. If the page may be shown again, so may the client come back.
   *
   * @param {Leaver} leaver
   * @param {boolean} mayReturn
   */
  leave(leaver, mayReturn) {
    const { native } = leaver;
    if (!native || (mayReturn && native.sessionBytes() === 0)) return; // the client is away, or the end of its link is its end
    const later = this.#given.without(native);
    if (mayReturn) leaver.forget();
    if (!this.#keep(leaver, native, mayReturn)) {
      if (!mayReturn) {
        leaver.native?.close();
        return;
      }
      later.session = leaver.native?.detach(true) ?? later.session;
    }
    if (!mayReturn) return;
    this.#later = later;
    leaver.lose(new HisockError("conn_lost", "the page was left"));
  }

  /**
   * Keeps the session for the next page. It returns false if the session cannot be kept, or need not be.
   *
   * @param {Leaver} leaver
   * @param {NativeClient} native
   * @param {boolean} mayReturn
   */
  #keep(leaver, native, mayReturn) {
    const kept = this.#kept;
    if (!kept) return false;
    const size = native.sessionBytes();
    if (size === 0) return kept.putBack(); // the client is connecting, perhaps with the session of the page before
    const { raw } = leaver;
    if (!kept.reserve(size, raw)) return false;
    if (!mayReturn) leaver.leave();
    leaver.native = undefined;
    return kept.store(native.detach(false), raw);
  }

  /**
   * Lets the client come back if its page was away. It returns false if the page was not.
   *
   * @param {Leaver} leaver
   */
  show(leaver) {
    const config = this.#later;
    if (!config) return false;
    this.#later = undefined;
    const kept = this.#kept;
    const isOwn = !kept || config.session.length > 0 || kept.take();
    if (kept && config.session.length === 0) config.session = kept.session;
    this.#returns = { config, isOwn };
    leaver.comeBack(config, isOwn ? [] : this.raw);
    return true;
  }

  /**
   * Lets a client whose name is taken as it comes back try again: perhaps the page that was shown meanwhile has the name, and the server
   * has not noticed its end yet. It returns false if the client is not coming back.
   *
   * @param {Leaver} leaver
   */
  tryAgain(leaver) {
    if (!this.#returns) return false;
    leaver.native = undefined;
    this.#later = this.#returns.config;
    setTimeout(() => this.show(leaver), 500 + 1000 * Math.random());
    return true;
  }
}
