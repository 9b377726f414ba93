// The target that keeps a file in the storage of the page's origin, which outlives the page. A worker writes the file: only a worker's
// writes stay if the user leaves the page before the file is whole.

import { HisockError } from "../errors.js";

/** @typedef {import("../files.d.ts").Target} Target */

const folderName = "hisock files";
const partSuffix = ".part";
const together = 64 << 10; // bytes of one write
const maxWrites = 8; // writes that are under way at once

/** @implements {Target} */
export class StoredTarget {
  name;

  /** @param {string} name */
  constructor(name) {
    if (typeof name !== "string" || name === "") throw new TypeError("hisock: files: a StoredTarget needs a name");
    this.name = name;
  }

  static async list() {
    const folder = await openFolder();
    /** @type {Map<string, import("../files.d.ts").Stored>} */
    const found = new Map();
    for await (const [entry, handle] of /** @type {any} */ (folder).entries()) {
      const isPart = entry.endsWith(partSuffix);
      const name = decodeURIComponent(isPart ? entry.slice(0, -partSuffix.length) : entry);
      if (!isPart || !found.has(name)) found.set(name, { name, size: (await handle.getFile()).size, whole: !isPart });
    }
    return [...found.values()];
  }

  async file() {
    return (await this.#find(""))?.getFile();
  }

  async part() {
    return (await this.file()) ?? (await (await this.#find(partSuffix))?.getFile()) ?? new Blob();
  }

  /** @param {number} at */
  async open(at) {
    const folder = await openFolder();
    const name = entryOf(this.name);
    if (await this.#find("")) {
      if (at > 0) return new WritableStream(); // the whole file is stored already
      await folder.removeEntry(name);
    }
    const part = await folder.getFileHandle(name + partSuffix, { create: true });
    const writer = await Writer.start(part, at);
    return new WritableStream({
      write: (/** @type {Uint8Array} */ bytes) => writer.write(bytes),
      close: async () => {
        await writer.close();
        await /** @type {any} */ (part).move(name);
      },
      abort: () => writer.close(),
    });
  }

  async discard() {
    const folder = await openFolder();
    for (const suffix of ["", partSuffix]) {
      if (await this.#find(suffix)) await folder.removeEntry(entryOf(this.name) + suffix);
    }
  }

  /** @param {string} suffix */
  async #find(suffix) {
    const folder = await openFolder();
    try {
      return await folder.getFileHandle(entryOf(this.name) + suffix);
    } catch (err) {
      if (/** @type {Error} */ (err).name === "NotFoundError") return undefined;
      throw err;
    }
  }
}

async function openFolder() {
  if (!globalThis.navigator?.storage?.getDirectory) {
    throw new HisockError("unsupported", "this page has no storage for files: it needs a secure context");
  }
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(folderName, { create: true });
}

/** Returns the name of a file's entry: it escapes the characters that an entry's name cannot have. @param {string} name */
const entryOf = (name) => name.replace(/[%./\\]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

/** A writer of one file, whose worker does the writing. */
class Writer {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  /** The requests that the worker has not answered, oldest first. @type {{ resolve: () => void, reject: (why: unknown) => void }[]} */
  #asked = [];
  /** @type {Promise<void>[]} */
  #writes = [];
  #buffer = new Uint8Array(together);
  #filled = 0;

  /** @param {FileSystemFileHandle} file @param {number} at bytes of the file that stay; the writer appends to them */
  static async start(file, at) {
    const writer = new Writer();
    try {
      await writer.#ask({ file, at }, []);
    } catch (err) {
      writer.#worker.terminate();
      if (/** @type {Error} */ (err).name !== "NoModificationAllowedError") throw err;
      throw new HisockError("unavailable", "another page receives that file", { cause: err });
    }
    return writer;
  }

  constructor() {
    this.#worker.onmessage = ({ data: err }) => {
      const asked = this.#asked.shift();
      if (err) asked?.reject(err);
      else asked?.resolve();
    };
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#asked.splice(0)) reject(new HisockError("load_failed", `the worker that writes files: ${message}`));
    };
  }

  /** @param {object} what @param {Transferable[]} given @returns {Promise<void>} */
  #ask(what, given) {
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#worker.postMessage(what, given);
    });
  }

  /** @param {Uint8Array} bytes */
  async write(bytes) {
    while (bytes.length > 0) {
      const n = Math.min(bytes.length, together - this.#filled);
      this.#buffer.set(bytes.subarray(0, n), this.#filled);
      this.#filled += n;
      bytes = bytes.subarray(n);
      if (this.#filled < together) return;
      this.#flush();
      if (this.#writes.length > maxWrites) await this.#writes.shift();
    }
  }

  #flush() {
    const bytes = this.#buffer.subarray(0, this.#filled);
    const write = this.#ask({ bytes }, [bytes.buffer]);
    write.catch(() => {}); // close or a later write reports the error
    this.#writes.push(write);
    this.#buffer = new Uint8Array(together);
    this.#filled = 0;
  }

  /** Resolves once the file has all written bytes. */
  async close() {
    try {
      this.#flush();
      await Promise.all(this.#writes);
      await this.#ask({ close: true }, []);
    } finally {
      this.#worker.terminate();
    }
  }
}
