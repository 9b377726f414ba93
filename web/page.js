// Events of the page that its clients need, and tasks.

/**
 * Calls retry when there may be a network again, and leave when the page is left for good, until signal aborts.
 *
 * @param {AbortSignal} signal
 * @param {() => void} retry
 * @param {() => void} leave
 */
export function watchPage(signal, retry, leave) {
  const options = { signal };
  globalThis.addEventListener?.("online", retry, options);
  globalThis.addEventListener?.("pageshow", retry, options);
  globalThis.document?.addEventListener("visibilitychange", retry, options);
  globalThis.addEventListener?.("pagehide", (event) => {
    if (!event.persisted) leave(); // a persisted page may be shown again and go on
  }, options);
}

/**
 * Calls fn in a new task, after all pending microtasks. A timer
 * would be slowed down in a background tab.
 *
 * @param {() => void} fn
 */
export function nextTask(fn) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    fn();
  };
  port2.postMessage(null);
}
