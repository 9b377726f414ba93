// One file that is sent or fetched, from the first byte to the last, with its pauses.

import { download, MemoryTarget, StoredTarget, upload } from "/hisock/files.js";
import { Speed } from "./speed.js";
import { reason } from "./words.js";

/** Whether files can outlive the page. If not they are received in memory. */
export const canStore = isSecureContext && Boolean(navigator.storage?.getDirectory);

/**
 * The states of a transfer: "waiting" for its turn, "running", "paused", "failed" and "done". An upload is "lost" after a reload,
 * until the user chooses the file again.
 */
export class Transfer {
  state = "paused";
  done = 0; // bytes
  rate = 0; // bytes a second
  why = ""; // it has failed
  receipt;
  /** What is sent. @type {File | undefined} */
  file;
  #target;
  #speed = new Speed();
  #stop = new AbortController();
  #running = Promise.resolve();

  /** way is "up" or "down". */
  constructor(way, name, size, file) {
    Object.assign(this, { way, name, size, file });
    if (way === "down") this.#target = canStore ? new StoredTarget(name) : new MemoryTarget();
    else if (!file) this.state = "lost";
  }

  /** Begins or goes on. It returns when the transfer is over, or paused. changed is told of each change. */
  run(client, changed) {
    const before = this.#running;
    this.#stop = new AbortController();
    this.state = "running";
    this.why = "";
    this.#speed.clear();
    changed();
    return (this.#running = before.then(() => this.#carry(client, this.#stop.signal, changed)));
  }

  async #carry(client, signal, changed) {
    const options = {
      signal,
      onProgress: ({ done, size }) => {
        this.done = done;
        this.size = size ?? this.size;
        this.rate = this.#speed.at(done);
        changed();
      },
    };
    try {
      this.receipt = await (this.way === "up"
        ? upload(client, "upload", this.name, this.file, options)
        : download(client, "download", this.name, this.#target, { ...options, maxSize: Infinity }));
      this.state = "done";
    } catch (err) {
      if (signal.aborted) return; // it was paused
      this.state = "failed";
      this.why = reason(err);
    }
    changed();
  }

  /** Cuts the stream. What has come stays at the receiver. */
  pause() {
    this.state = "paused";
    this.#stop.abort();
  }

  /** The file that was fetched, once it is whole. */
  async fetched() {
    return this.#target instanceof StoredTarget ? this.#target.file() : this.#target?.blob;
  }

  /** Gives up. What has been fetched is removed from this browser. */
  async forget() {
    this.pause();
    await this.#running;
    await this.#target?.discard();
  }
}
