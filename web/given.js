// What the server gave a client that the client had not asked for. The client does not ask for it later either.

/** @typedef {import("./native.d.ts").Config} Config */
/** @typedef {import("./native.d.ts").NativeClient} NativeClient */

export class Given {
  #config;
  #name;
  /** @type {string[]} */
  #groups = [];

  /** @param {Config} config */
  constructor(config) {
    this.#config = config;
    this.#name = config.name;
  }

  /** Notes what the client has as it has joined. @param {NativeClient} native */
  joined(native) {
    this.#name = native.name();
    this.#groups = native.groups().filter((group) => !this.#config.groups.includes(group));
  }

  /**
   * Returns the config of a client that asks for the name and the groups that this one has asked for, and tries until it
   * is let in.
   *
   * @param {NativeClient} native
   * @returns {Config}
   */
  without(native) {
    const name = native.name();
    const refused = native.refusedGroups().filter((_, i) => i % 2 === 0);
    const groups = new Set([...native.groups().filter((group) => !this.#groups.includes(group)), .../** @type {string[]} */ (refused)]);
    return { ...this.#config, name: name === this.#name ? this.#config.name : name, groups: [...groups], first: true };
  }
}
