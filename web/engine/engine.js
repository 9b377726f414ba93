// The engine in JavaScript: what hisock.wasm does, for pages that are in a hurry. It is to the rest of this module what
// instance.js is: a native object as native.d.ts describes it.

import { EngineClient } from "./client.js";
import { checkCommand } from "./names.js";

/** @type {Set<EngineClient>} */
const clients = new Set();

/** @type {import("../native.d.ts").Native} */
const native = {
  connect(config, sink) {
    const client = new EngineClient(config, sink, () => clients.delete(client));
    clients.add(client);
    return client;
  },
  checkCommand,
  stats() {
    let callbacks = 0;
    for (const client of clients) callbacks += client.callbacks;
    return { clients: clients.size, callbacks };
  },
  crash() {},
};

const engine = { native, ended: undefined, onEnd: () => () => {} };

/** Returns the engine of this page, which does not end. */
export const instance = () => Promise.resolve(engine);

/** Counts what is alive in it, for tests. */
export const stats = () => Promise.resolve(native.stats());

/** It cannot end as a Go program can. */
export const crash = () => Promise.resolve();
