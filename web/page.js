// What a page does that its connections have to know, and tasks of their own.

/**
 * Calls retry when there may be a network again, and leave when the page goes for good, until signal.
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
    if (!event.persisted) leave(); // else the page may come back, and go on
  }, options);
}

/**
 * Calls fn in a task of its own, after all that is now pending as microtasks. Timers
 * would be slowed down in a tab in the background.
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
