// The arguments of connect, which are checked and completed before anything is loaded.

import { bytesOf, encode, needAs } from "./payload.js";
import { describe, kindOf, needFunction, needOptions, needSignal, needString, needTimeout } from "./errors.js";

const known = [
  "name", "groups", "auth", "metadata", "notices", "as", "on", "handle", "handleStream",
  "engine", "signal", "timeout", "maxFrame", "queueBytes", "retry", "keepSession", "log", "debug", "onProgress",
];
const hooks = /** @type {const} */ ([
  "onRaw", "onMessage", "onState", "onError", "onClientConnect", "onClientDisconnect", "onClientRename",
  "onRename", "onJoinGroup", "onLeaveGroup", "onMissed", "onReplay", "onReplayed", "onUndelivered",
]);

// The timeout of a connect that tries once, in milliseconds: long enough for a slow network, short enough for a page
// that waits.
const onceTimeout = 30_000;

/**
 * Checks the arguments of connect and fills in defaults. It throws a TypeError if one is invalid.
 *
 * @param {unknown} url
 * @param {any} options
 * @param {string[]} engines the engines that there are, the default first
 */
export function readOptions(url, options, engines) {
  needOptions("connect options", options, [...known, ...hooks]);
  needSignal("connect signal", options.signal);
  needTimeout("connect timeout", options.timeout);
  for (const hook of /** @type {const} */ ([...hooks, "debug", "onProgress"])) {
    if (options[hook] !== undefined) needFunction(hook, options[hook]);
  }
  const fullURL = socketURL(url);
  const name = needString("name", options.name ?? "");
  const retry = readRetry(options.retry);
  return {
    engine: readEngine(engines, options.engine),
    as: needAs("connect", options.as, "json"),
    on: readHandlers("on", options.on),
    handle: readHandlers("handle", options.handle),
    handleStream: readHandlers("handleStream", options.handleStream),
    hooks: hooks.filter((hook) => options[hook]).map((hook) => ({ hook, fn: options[hook] })),
    signal: /** @type {AbortSignal | undefined} */ (options.signal),
    timeout: /** @type {number | undefined} */ (options.timeout ?? (retry.first ? undefined : onceTimeout)),
    keepAs: readKeep(options.keepSession, fullURL, retry.stay),
    auth: /** @type {((signal: AbortSignal) => unknown) | undefined} */ (typeof options.auth === "function" ? options.auth : undefined),
    log: readLog(options.log),
    debug: /** @type {import("./hisock.d.ts").Debug | undefined} */ (options.debug),
    onProgress: /** @type {import("./hisock.d.ts").ConnectOptions["onProgress"]} */ (options.onProgress),
    config: {
      url: fullURL,
      name,
      groups: readGroups(options.groups),
      auth: typeof options.auth === "function" ? null : readAuth(options.auth),
      metadata: readMetadata(options.metadata),
      notices: readNotices(options),
      maxFrame: readSize("maxFrame", options.maxFrame, 512, 0x40000000),
      queueBytes: readSize("queueBytes", options.queueBytes, 1, 0x7fffffff),
      session: new Uint8Array(0),
      ...retry,
    },
  };
}

/**
 * Resolves url against the page and returns it with the scheme of a WebSocket.
 *
 * @param {unknown} url
 */
function socketURL(url) {
  if (typeof url !== "string" && kindOf(url) !== "URL") {
    throw new TypeError(`hisock: url: must be a string or a URL, not ${describe(url)}`);
  }
  let full;
  try {
    // The frame of a srcdoc has the base of its parent.
    full = new URL(/** @type {string} */ (url), globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch (cause) {
    throw new TypeError(`hisock: url "${url}": not a URL`, { cause });
  }
  if (full.protocol === "http:") full.protocol = "ws:";
  if (full.protocol === "https:") full.protocol = "wss:";
  if (full.protocol !== "ws:" && full.protocol !== "wss:") {
    throw new TypeError(`hisock: url "${url}": scheme must be ws, wss, http or https`);
  }
  full.hash = "";
  return full.href;
}

/**
 * @param {string[]} engines
 * @param {unknown} engine
 */
function readEngine(engines, engine = engines[0]) {
  if (typeof engine === "string" && engines.includes(engine)) return engine;
  const there = engines.map((name) => `"${name}"`).join(" or ");
  throw new TypeError(`hisock: engine: must be ${there}, not ${typeof engine === "string" ? `"${engine}"` : describe(engine)}`);
}

/** @param {unknown} groups */
function readGroups(groups) {
  if (groups === undefined) return [];
  if (typeof groups === "string" || typeof Object(groups)[Symbol.iterator] !== "function") {
    throw new TypeError(`hisock: groups: must be an array of strings, not ${describe(groups)}`);
  }
  return Array.from(/** @type {Iterable<unknown>} */ (groups), (group) => needString("group", group));
}

/**
 * @param {unknown} auth
 * @returns {Uint8Array}
 */
export function readAuth(auth) {
  if (auth !== undefined && typeof auth !== "string" && !bytesOf(auth)) {
    throw new TypeError(`hisock: auth: must be a string, bytes or a function that returns one, not ${describe(auth)}`);
  }
  return encode("auth", auth).slice(); // it is sent later
}

/** @param {unknown} log */
function readLog(log) {
  if (log !== undefined && log !== false) needFunction("log", log);
  return /** @type {import("./hisock.d.ts").Log | false | undefined} */ (log);
}

/**
 * Returns the key under which the session is kept over a reload, or undefined if it is not kept.
 *
 * @param {unknown} keep
 * @param {string} url
 * @param {boolean} stay
 */
function readKeep(keep, url, stay) {
  if (keep !== undefined && typeof keep !== "boolean" && (typeof keep !== "string" || keep === "")) {
    throw new TypeError(`hisock: keepSession: must be true, false or a key, not ${keep === "" ? "an empty one" : describe(keep)}`);
  }
  if (keep && stay) {
    throw new TypeError("hisock: keepSession contradicts retry.off, with which there is no session");
  }
  return keep === true ? url : keep || undefined;
}

/** @param {unknown} metadata */
function readMetadata(metadata) {
  if (metadata === undefined) return [];
  if (typeof metadata !== "object" || metadata === null) {
    throw new TypeError(`hisock: metadata: must be an object, not ${describe(metadata)}`);
  }
  return Object.entries(metadata).flatMap(([key, value]) => [key, needString(`metadata "${key}"`, value)]);
}

/** @param {any} options */
function readNotices(options) {
  const { notices, onClientConnect, onClientDisconnect, onClientRename } = options;
  if (notices !== undefined && typeof notices !== "boolean") {
    throw new TypeError(`hisock: notices: must be true or false, not ${describe(notices)}`);
  }
  const wanted = Boolean(onClientConnect || onClientDisconnect || onClientRename);
  if (wanted && notices === false) {
    throw new TypeError("hisock: notices: false contradicts onClientConnect, onClientDisconnect and onClientRename");
  }
  return notices ?? wanted;
}

/**
 * @param {string} what
 * @param {unknown} size
 * @param {number} least
 * @param {number} most
 */
function readSize(what, size, least, most) {
  if (size === undefined) return 0;
  if (typeof size !== "number" || !Number.isInteger(size) || size < least || size > most) {
    throw new TypeError(`hisock: ${what}: must be a number of bytes from ${least} to ${most}, not ${describe(size)}`);
  }
  return size;
}

/** @param {any} retry */
function readRetry(retry = {}) {
  needOptions("retry", retry, ["off", "first", "min", "max", "for"]);
  for (const key of ["off", "first"]) {
    if (retry[key] !== undefined && typeof retry[key] !== "boolean") {
      throw new TypeError(`hisock: retry.${key}: must be true or false, not ${describe(retry[key])}`);
    }
  }
  for (const key of ["min", "max", "for"]) {
    const ms = retry[key];
    if (ms !== undefined && (typeof ms !== "number" || !Number.isInteger(ms) || ms < 1 || ms > 0x7fffffff)) {
      throw new TypeError(`hisock: retry.${key}: must be a number of milliseconds from 1 to 2147483647, not ${describe(ms)}`);
    }
  }
  if (retry.min > retry.max) { // not if one of them is undefined
    throw new TypeError(`hisock: retry.min: must be at most retry.max, ${retry.max}, not ${retry.min}`);
  }
  return {
    stay: /** @type {boolean} */ (retry.off ?? false),
    first: /** @type {boolean} */ (retry.first ?? !retry.off),
    retry: /** @type {number[]} */ ([retry.min ?? 0, retry.max ?? 0, retry.for ?? 0]),
  };
}

/**
 * @param {"on" | "handle" | "handleStream"} what
 * @param {unknown} handlers
 */
function readHandlers(what, handlers) {
  if (handlers === undefined) return [];
  if (typeof handlers !== "object" || handlers === null) {
    throw new TypeError(`hisock: ${what}: must be an object of handlers, not ${describe(handlers)}`);
  }
  return Object.entries(handlers).map(([command, entry]) => {
    if (typeof entry === "function") return { command, fn: entry, options: {} };
    needOptions(`${what} "${command}"`, entry, ["handler", "as"]);
    const { handler, ...options } = entry;
    return { command, fn: handler, options };
  });
}
