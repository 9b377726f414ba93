// The arguments of connect, which are completed before anything is loaded.

import { check, checkConnect, checkOptions } from "./checks.js";
import { hooks } from "./hooks.js";
import { encode } from "./payload.js";

// The timeout of a connect that tries once, in milliseconds: long enough for a slow network, short enough for a page
// that waits.
const onceTimeout = 30_000;

/**
 * Completes the arguments of connect. It throws a TypeError if one is invalid.
 *
 * @param {unknown} url
 * @param {any} options
 * @param {string[]} engines the engines that there are, the default first
 */
export function readOptions(url, options, engines) {
  checkConnect(options, engines);
  const { auth, keepSession, name = "", retry = {} } = options;
  const groups = [...(options.groups ?? [])];
  check("made of strings", groups, "groups");
  const metadata = Object.entries(options.metadata ?? {}).flat();
  check("made of strings", metadata, "metadata");
  const fullURL = socketURL(url);
  const first = /** @type {boolean} */ (retry.first ?? !retry.off);
  const asks = typeof auth === "function";
  return {
    engine: /** @type {string} */ (options.engine ?? engines[0]),
    as: /** @type {import("./hisock.d.ts").As} */ (options.as ?? "json"),
    on: readHandlers(options.on),
    handle: readHandlers(options.handle),
    handleStream: readHandlers(options.handleStream),
    hooks: hooks.filter((hook) => options[hook]).map((hook) => ({ hook, fn: options[hook] })),
    signal: /** @type {AbortSignal | undefined} */ (options.signal),
    timeout: /** @type {number | undefined} */ (options.timeout ?? (first ? undefined : onceTimeout)),
    /** The key under which the session is kept over a reload, or nothing if it is not kept. @type {string | undefined} */
    keepAs: keepSession === true ? fullURL : keepSession || undefined,
    auth: /** @type {((signal: AbortSignal) => unknown) | undefined} */ (asks ? auth : undefined),
    log: /** @type {import("./hisock.d.ts").Log | false | undefined} */ (options.log),
    debug: /** @type {import("./hisock.d.ts").Debug | undefined} */ (options.debug),
    onProgress: /** @type {import("./hisock.d.ts").ConnectOptions["onProgress"]} */ (options.onProgress),
    config: {
      url: fullURL,
      name: /** @type {string} */ (name),
      groups: /** @type {string[]} */ (groups),
      auth: asks ? null : readAuth(auth),
      metadata: /** @type {string[]} */ (metadata),
      notices: /** @type {boolean} */ (options.notices ?? Boolean(options.onClientConnect || options.onClientDisconnect || options.onClientRename)),
      maxFrame: /** @type {number} */ (options.maxFrame ?? 0),
      queueBytes: /** @type {number} */ (options.queueBytes ?? 0),
      session: new Uint8Array(0),
      stay: /** @type {boolean} */ (retry.off ?? false),
      first,
      retry: /** @type {number[]} */ ([retry.min ?? 0, retry.max ?? 0, retry.for ?? 0]),
    },
  };
}

/**
 * Resolves url against the page and returns it with the scheme of a WebSocket.
 *
 * @param {unknown} url
 */
function socketURL(url) {
  check("a string or a URL", url, "url");
  let full;
  try {
    // The frame of a srcdoc has the base of its parent.
    full = new URL(/** @type {string} */ (url), globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch (cause) {
    throw new TypeError(`hisock: url "${url}": not a URL`, { cause });
  }
  full.protocol = full.protocol.replace("http", "ws");
  check("of ws, wss, http or https", full.protocol, "url");
  full.hash = "";
  return full.href;
}

/**
 * Returns the bytes of an auth.
 *
 * @param {unknown} auth
 * @returns {Uint8Array}
 */
export function readAuth(auth) {
  if (auth !== undefined) check("a string or bytes", auth, "auth");
  return encode("auth", auth).slice(); // it is sent later
}

/**
 * @param {Record<string, any>} [handlers]
 */
const readHandlers = (handlers = {}) => Object.entries(handlers).map(([command, entry]) => {
  if (typeof entry === "function") return { command, fn: entry, options: {} };
  checkOptions("entry", entry, command);
  const { handler, ...options } = entry;
  return { command, fn: handler, options };
});
