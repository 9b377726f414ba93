// Events of the page that its clients need, and tasks.

/**
 * Calls back until signal aborts: when there may be a network again, when it is gone, when the page is left, for good or
 * until it is shown again, and when it is shown.
 *
 * @param {AbortSignal} signal
 * @param {{ retry: () => void, offline: () => void, leave: (mayReturn: boolean) => void, show: () => void }} calls
 */
export function watchPage(signal, { retry, offline, leave, show }) {
  const options = { signal };
  const page = globalThis.document;
  globalThis.addEventListener?.("online", retry, options);
  globalThis.addEventListener?.("offline", offline, options);
  globalThis.addEventListener?.("pagehide", (event) => leave(event.persisted), options);
  globalThis.addEventListener?.("pageshow", show, options);
  page?.addEventListener("resume", retry, options); // it was frozen
  page?.addEventListener("visibilitychange", () => {
    if (!page.hidden) retry();
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
