// Why a handshake failed: a browser does not tell a page. What the same address answers to a plain request says it mostly.

import { HisockError } from "./errors.js";

// How long it may take, in milliseconds.
const time = 3000;

/**
 * Returns the error with what the address says, or the error itself once signal aborts.
 *
 * @param {string} url of the WebSocket
 * @param {HisockError} err
 * @param {AbortSignal} signal
 */
export async function probe(url, err, signal) {
  const ask = (/** @type {RequestMode} */ mode) => fetch(url.replace("ws", "http"), {
    mode, cache: "no-store", signal: AbortSignal.any([signal, AbortSignal.timeout(time)]),
  });
  let status = 0;
  let found;
  try {
    const response = await ask("cors");
    void response.body?.cancel();
    status = response.status;
    found = `a plain request is answered with ${status} ${response.statusText}`;
  } catch {
    try {
      await ask("no-cors");
      found = "the server is there, and does not let this page see its answer";
    } catch {
      found = "nothing answers there, or the page may not ask";
    }
  }
  if (signal.aborted) return err;
  const why = new HisockError(err.code, `${err.message}: ${found}`, { cause: err });
  why.status = status;
  return why;
}
