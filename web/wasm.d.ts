// hisock with the Go program as its engine, and with no other engine. Everything else is as in hisock.js.

export * from "./hisock.js";
