// In the place of options.js: the arguments of connect are completed, and not checked.

import { encode } from "../payload.js";

const hooks = /** @type {const} */ ([
  "onRaw", "onMessage", "onState", "onError", "onClientConnect", "onClientDisconnect", "onClientRename",
  "onRename", "onJoinGroup", "onLeaveGroup", "onMissed", "onReplay", "onReplayed", "onUndelivered",
]);

/**
 * @param {string | URL} url
 * @param {any} options
 */
export function readOptions(url, options) {
  const { auth, as = "json", notices, retry = {}, signal, log, keepSession } = options;
  const full = new URL(url, globalThis.location?.href);
  full.protocol = full.protocol.replace("http", "ws");
  full.hash = "";
  const first = retry.first ?? !retry.off;
  const asks = typeof auth === "function";
  return {
    engine: "js",
    as,
    on: handlers(options.on),
    handle: handlers(options.handle),
    handleStream: [],
    hooks: hooks.filter((hook) => options[hook]).map((hook) => ({ hook, fn: options[hook] })),
    signal,
    timeout: options.timeout ?? (first ? undefined : 30_000),
    keepAs: keepSession || undefined,
    debug: undefined,
    auth: asks ? auth : undefined,
    log,
    config: {
      url: full.href,
      name: options.name ?? "",
      groups: [...(options.groups ?? [])],
      auth: asks ? null : readAuth(auth),
      metadata: Object.entries(options.metadata ?? {}).flat(),
      notices: notices ?? Boolean(options.onClientConnect || options.onClientDisconnect || options.onClientRename),
      maxFrame: options.maxFrame ?? 0,
      queueBytes: options.queueBytes ?? 0,
      session: new Uint8Array(0),
      stay: retry.off ?? false,
      first,
      retry: [retry.min ?? 0, retry.max ?? 0, retry.for ?? 0],
    },
  };
}

/** @param {unknown} auth */
export const readAuth = (auth) => encode("auth", auth);

/** @param {Record<string, any>} [of] */
const handlers = (of = {}) =>
  Object.entries(of).map(([command, entry]) => {
    if (typeof entry === "function") return { command, fn: entry, options: {} };
    return { command, fn: entry.handler, options: { as: entry.as } };
  });
