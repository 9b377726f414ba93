// hisock with the engine in JavaScript, and with no other engine.

import { connector } from "./connect.js";
import * as engine from "./engine/engine.js";

// The modules that these import. A browser asks for all of them at once, and not for one behind the other.
import "./calls.js";
import "./client.js";
import "./connection.js";
import "./engine/acks.js";
import "./engine/attempt.js";
import "./engine/book.js";
import "./engine/campaign.js";
import "./engine/client.js";
import "./engine/conn.js";
import "./engine/fault.js";
import "./engine/link.js";
import "./engine/log.js";
import "./engine/names.js";
import "./engine/numbers.js";
import "./engine/outgoing.js";
import "./engine/pace.js";
import "./engine/parked.js";
import "./engine/read.js";
import "./engine/receive.js";
import "./engine/splitter.js";
import "./engine/stream.js";
import "./engine/streams.js";
import "./engine/wire.js";
import "./engine/wish.js";
import "./incoming.js";
import "./kept.js";
import "./options.js";
import "./page.js";
import "./payload.js";
import "./raw.js";
import "./streams.js";
import "./warnings.js";

export { HisockError } from "./errors.js";
export { internals } from "./engines.js";

/** @type {typeof import("./hisock.d.ts").connect} */
export const connect = connector({ js: () => Promise.resolve(engine) });
