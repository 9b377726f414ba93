// Loads the Go program. The browser compiles it while it comes, if it can, and those who ask are told how far it is.

import { passing } from "../engines.js";
import { HisockError } from "../errors.js";

/** @typedef {(progress: import("../hisock.d.ts").LoadProgress) => void} Tell */

const type = "application/wasm";

/** The program of a page, which is loaded once. */
export class Loader {
  #url;
  #total;
  #loaded = 0; // bytes
  /** @type {Set<Tell>} */
  #watchers = new Set();
  /** @type {Promise<WebAssembly.Module> | undefined} */
  #module;

  /**
   * @param {URL} url
   * @param {number} total the size of the file, in bytes
   */
  constructor(url, total) {
    this.#url = url;
    this.#total = total;
  }

  /** Returns the compiled program. After a failure the next call loads it again. */
  module() {
    this.#module ??= this.#load().then(
      (module) => {
        this.#progress(this.#total);
        this.#watchers.clear();
        return module;
      },
      (err) => {
        this.#watchers.clear();
        this.forget();
        throw err;
      },
    );
    return this.#module;
  }

  /** Loads the program again when it is asked for next. */
  forget() {
    this.#module = undefined;
    this.#loaded = 0;
  }

  /**
   * Tells how far the program is, now and as it goes on.
   *
   * @param {Tell} tell does not throw
   */
  watch(tell) {
    tell({ loaded: this.#loaded, total: this.#total });
    if (this.#loaded < this.#total) this.#watchers.add(tell);
  }

  /** @param {number} loaded */
  #progress(loaded) {
    if (loaded === this.#loaded) return;
    this.#loaded = loaded;
    for (const tell of this.#watchers) tell({ loaded, total: this.#total });
  }

  async #load() {
    const url = this.#url;
    const files = url.protocol === "file:" && /** @type {any} */ (globalThis).process?.getBuiltinModule?.("node:fs/promises");
    if (files) return WebAssembly.compile(await files.readFile(url)); // Node does not fetch files
    if (typeof WebAssembly.compileStreaming === "function") {
      const response = await this.#fetch();
      try {
        return await WebAssembly.compileStreaming(response);
      } catch (cause) {
        if (cause instanceof WebAssembly.CompileError) throw this.#failed(cause);
        // The response broke off, or is one that the browser does not compile from, such as one of a service worker.
      }
    }
    const response = await this.#fetch();
    try {
      return await WebAssembly.compile(await response.arrayBuffer());
    } catch (cause) {
      const err = this.#failed(cause);
      if (!(cause instanceof WebAssembly.CompileError)) passing.add(err); // the response broke off
      throw err;
    }
  }

  /** @param {unknown} cause */
  #failed(cause) {
    return new HisockError("load_failed", `cannot compile ${this.#url}`, { cause });
  }

  /** Returns a response with the program as its body. */
  async #fetch() {
    const url = this.#url;
    let response;
    try {
      response = await fetch(url);
    } catch (cause) {
      const err = new HisockError("load_failed", `cannot load ${url}`, { cause });
      passing.add(err);
      throw err;
    }
    if (!response.ok) {
      const err = new HisockError("load_failed", `cannot load ${url}: ${response.status} ${response.statusText}`);
      if (response.status >= 500 || response.status === 429) passing.add(err);
      throw err;
    }
    const is = response.headers.get("Content-Type") ?? "";
    // A development server answers with its page if there is no such file.
    if (/^text\/html\b/i.test(is)) throw new HisockError("load_failed", `cannot load ${url}: the server has a page there, and not hisock.wasm`);
    return this.#compilable(response, is.toLowerCase() === type);
  }

  /**
   * Returns a response that the browser compiles while it comes: its type must be the one of WebAssembly. A response that passes
   * through here is counted too. Others come as they are, since of these a browser keeps the compiled code.
   *
   * @param {Response} response
   * @param {boolean} typed the response has that type
   */
  #compilable(response, typed) {
    const { body } = response;
    if (!body || (typed && this.#watchers.size === 0)) return response;
    let loaded = 0;
    this.#progress(0); // it may be the second response
    const count = new TransformStream({
      transform: (/** @type {Uint8Array} */ chunk, out) => {
        loaded += chunk.length;
        this.#progress(Math.min(loaded, this.#total));
        out.enqueue(chunk);
      },
    });
    return new Response(body.pipeThrough(count), { headers: { "Content-Type": type } });
  }
}
