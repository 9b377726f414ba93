// Events of the page that its clients need, and tasks.

/**
 * Calls back when there may be a network again, when it is gone, and when the page is left for good, until signal aborts.
 *
 * @param {AbortSignal} signal
 * @param {{ retry: () => void, offline: () => void, leave: () => void }} calls
 */
export function watchPage(signal, { retry, offline, leave }) {
  const options = { signal };
  const page = globalThis.document;
  globalThis.addEventListener?.("online", retry, options);
  globalThis.addEventListener?.("offline", offline, options);
  globalThis.addEventListener?.("pageshow", retry, options);
  page?.addEventListener("resume", retry, options); // it was frozen
  page?.addEventListener("visibilitychange", () => {
    if (!page.hidden) retry();
  }, options);
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
