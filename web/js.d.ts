// hisock with the engine in JavaScript, and with no other engine. Everything else is as in hisock.js.

export * from "./hisock.js";
