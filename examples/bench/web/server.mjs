// The server of Socket.IO for pages, with its defaults, except that it uses WebSocket from the start.

import http from "node:http";
import { Server } from "socket.io";
import { listen } from "../node/control.js";

const text = "hisock benchmark".repeat(8);
const server = http.createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  let taken = 0;
  socket.on("echo", (text, answer) => answer(text));
  socket.on("texts", (n) => {
    for (let i = 0; i < n; i++) socket.emit("text", text);
  });
  socket.on("take", () => taken++);
  socket.on("taken", (answer) => {
    answer(taken);
    taken = 0;
  });
});

listen(server);
