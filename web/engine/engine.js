// The engine in JavaScript: it does the same as hisock.wasm, for pages that are in a hurry. Like instance.js it is a native
// object as native.d.ts describes it.

import { EngineClient } from "./client.js";
import { checkCommand } from "./names.js";

// The modules that these import in turn: a browser fetches all at once, and not one after the other.
import "./acks.js";
import "./attempt.js";
import "./book.js";
import "./campaign.js";
import "./conn.js";
import "./detach.js";
import "./fault.js";
import "./flow.js";
import "./link.js";
import "./log.js";
import "./numbers.js";
import "./outgoing.js";
import "./pace.js";
import "./parked.js";
import "./pulse.js";
import "./read.js";
import "./receive.js";
import "./served.js";
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

/** Counts the living objects of the engine, for tests. */
export const stats = () => Promise.resolve(native.stats());

/** Unlike a Go program, this engine cannot end. */
export const crash = () => Promise.resolve();
