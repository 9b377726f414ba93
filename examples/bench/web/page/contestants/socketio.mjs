// Socket.IO's client with the defaults, but for WebSocket from the start: it begins with requests otherwise, which takes longer.

import { io } from "socket.io-client";

export const connect = (/** @type {string} */ at) => new Promise((resolve, reject) => {
  const socket = io(`http://${at}`, { transports: ["websocket"] });
  socket.once("connect", () => resolve({
    texts: (fn) => socket.on("text", fn),
    ask: (n) => void socket.emit("texts", n),
    call: (text) => socket.emitWithAck("echo", text),
    send: (text) => void socket.emit("take", text),
    taken: () => socket.emitWithAck("taken"),
    on: (name, fn) => {
      socket.on(name, fn);
      return () => socket.off(name, fn);
    },
  }));
  socket.once("connect_error", reject);
});
