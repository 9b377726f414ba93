// hisock with the engine in JavaScript, and with no other engine.

import { connector } from "./connect.js";
import { crash, instance, stats } from "./engine/engine.js";

// The modules that these import. The list lets a browser ask for all of them at once.
import "./auths.js";
import "./away.js";
import "./calls.js";
import "./checks.js";
import "./client.js";
import "./connection.js";
import "./given.js";
import "./handlers.js";
import "./hooks.js";
import "./inbox.js";
import "./incoming.js";
import "./jobs.js";
import "./kept.js";
import "./line.js";
import "./options.js";
import "./page.js";
import "./payload.js";
import "./probe.js";
import "./receiving.js";
import "./requests.js";
import "./sending.js";
import "./states.js";
import "./streaming.js";
import "./streams.js";
import "./waiting.js";
import "./warnings.js";

export { HisockError } from "./errors.js";
export { internals } from "./engines.js";

/** @type {typeof import("./hisock.d.ts").connect} */
export const connect = connector({ js: async () => ({ instance, stats, crash }) });
