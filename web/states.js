// The state of a client, and what its page is told of it.

import { probe } from "./probe.js";

/** @typedef {import("./errors.js").HisockError} HisockError */
/** @typedef {import("./hisock.d.ts").State} State */

export class States {
  /** @type {State} */
  now = "connecting";
  /** Whether the first connection has gone on with the session of the page before. */
  resumed = false;

  #incoming;
  #url;
  #isProbed = false; // the address was asked why the first attempt has failed
  /** Aborts when nobody waits for the answer any more. */
  #probing = new AbortController();
  /**
   * The reason why a connection has ended, until the engine says whether the client comes back: then "disconnected" is told.
   *
   * @type {HisockError | null | undefined} undefined if no connection has ended
   */
  #parted;

  /**
   * @param {import("./incoming.js").Incoming} incoming
   * @param {string} url
   */
  constructor(incoming, url) {
    this.#incoming = incoming;
    this.#url = url;
  }

  /** Whether a connection has ended, and the page has not been told. */
  get isParted() {
    return this.#parted !== undefined;
  }

  /**
   * Notes that a connection has ended. The page is told with the next state.
   *
   * @param {HisockError | null} why
   */
  part(why) {
    this.#parted = why;
  }

  /**
   * Tells the page of the end of a connection, if there is one to tell of, and of a state.
   *
   * @param {State | "resumed"} state
   * @param {HisockError | null} why
   */
  tell(state, why) {
    const parted = this.#parted;
    this.#parted = undefined;
    if (parted !== undefined && state !== "disconnected") this.#tell("disconnected", parted);
    this.#tell(state, why);
  }

  /**
   * @param {State | "resumed"} state
   * @param {HisockError | null} why
   */
  #tell(state, why) {
    const now = state === "resumed" ? "connected" : state;
    if (now === this.now && !(state === "connecting" && why)) return; // each failed attempt to connect is told
    if (this.now === "connecting") this.resumed = state === "resumed";
    this.now = now;
    let told = why;
    this.#incoming.push(() => this.#incoming.tell("state", state, told));
    if (state === "connecting" && why && !this.#isProbed) {
      this.#isProbed = true;
      this.#incoming.hold();
      void this.explain(why).then((explained) => {
        told = explained;
        this.#incoming.release();
      });
    }
  }

  /**
   * Returns the error of a failed attempt to connect, with what the address says if there was no connection.
   *
   * @param {HisockError} err
   */
  async explain(err) {
    return err.code === "not_connected" && !err.remote ? probe(this.#url, err, this.#probing.signal) : err;
  }

  /** Waits no longer for what the address says. */
  hurry() {
    this.#probing.abort();
    this.#probing = new AbortController();
  }
}
