// A client whose page was left and may be shown again from the back/forward cache: what it connects with then.

/** @typedef {import("./native.d.ts").Config} Config */
/** @typedef {import("./native.d.ts").NativeClient} NativeClient */

/** Notes what the server gave a client that it had not asked for, which it does not ask for later either. */
export class Away {
  #config;
  #name;
  /** @type {string[]} */
  #given = [];

  /** @param {Config} config */
  constructor(config) {
    this.#config = config;
    this.#name = config.name;
  }

  /** Notes what the client has as it has joined. @param {NativeClient} native */
  joined(native) {
    this.#name = native.name();
    this.#given = native.groups().filter((group) => !this.#config.groups.includes(group));
  }

  /**
   * Returns the config of a client that asks for the name and the groups that this one has asked for, and tries until it
   * is let in.
   *
   * @param {NativeClient} native
   * @returns {Config}
   */
  config(native) {
    const name = native.name();
    const refused = native.refusedGroups().filter((_, i) => i % 2 === 0);
    const groups = new Set([...native.groups().filter((group) => !this.#given.includes(group)), .../** @type {string[]} */ (refused)]);
    return { ...this.#config, name: name === this.#name ? this.#config.name : name, groups: [...groups], first: true };
  }
}
