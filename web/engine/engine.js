// The engine in JavaScript: what hisock.wasm does, for pages that are in a hurry. It is to the rest of this module what
// instance.js is: a native object as native.d.ts describes it.

import { EngineClient } from "./client.js";
import { checkCommand } from "./names.js";

// What these import in turn: a browser asks for all of it at once, and not for one module behind the other.
import "./acks.js";
import "./attempt.js";
import "./book.js";
import "./campaign.js";
import "./conn.js";
import "./fault.js";
import "./flow.js";
import "./link.js";
import "./log.js";
import "./numbers.js";
import "./outgoing.js";
import "./pace.js";
import "./parked.js";
import "./read.js";
import "./receive.js";
import "./splitter.js";
import "./stream.js";
import "./streams.js";
import "./wire.js";
import "./wish.js";

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
