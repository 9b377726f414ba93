'use strict';

// Socket.IO with its defaults, except that it uses WebSocket from the start. Groups are its rooms.

const http = require('node:http');
const { Server } = require('socket.io');
const { listen } = require('./control.js');

const server = http.createServer();
const io = new Server(server, { transports: ['websocket'], serveClient: false });

io.on('connection', (socket) => {
  socket.on('echo', (message) => socket.emit('echo', message));
  socket.on('send', (message) => io.to(message.slice(0, 4)).emit('send', message));
  socket.on('join', (group) => {
    socket.join(group);
    socket.emit('ready');
  });
});

listen(server);
