// The WebSockets of this page, with all bytes that go over them. Both engines speak over WebSocket, so the page sees the same of
// both: what is on the wire. This module must run before an engine is loaded, since the Go program keeps the WebSocket that it finds.

/**
 * Is told of the sockets. way is "sent" or "received". The bytes belong to the engine, and are valid during the call. The functions
 * are replaced by the module that shows the frames.
 */
export const watcher = {
  opened(socket) {},
  closed(socket, code) {},
  refused() {},
  passed(socket, way, bytes) {},
};

let heldUntil = 0; // performance.now()

/** Lets no socket be made for a time in milliseconds, as a network that is down. */
export function holdDown(ms) {
  heldUntil = performance.now() + ms;
}

class WatchedSocket extends WebSocket {
  constructor(url, protocols) {
    if (performance.now() < heldUntil) {
      watcher.refused();
      throw new DOMException("the line is down", "NetworkError");
    }
    super(url, protocols ?? []);
    this.addEventListener("open", () => watcher.opened(this));
    this.addEventListener("close", ({ code }) => watcher.closed(this, code));
    // The engines ask for ArrayBuffers. Anything else is no frame.
    this.addEventListener("message", ({ data }) => data instanceof ArrayBuffer && watcher.passed(this, "received", new Uint8Array(data)));
  }

  send(data) {
    watcher.passed(this, "sent", data instanceof ArrayBuffer ? new Uint8Array(data) : data);
    super.send(data);
  }
}

globalThis.WebSocket = WatchedSocket;
