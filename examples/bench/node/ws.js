'use strict';

// The package ws with its defaults: no compression. It has no groups, so this server keeps the members of each group.

const http = require('node:http');
const { WebSocketServer } = require('ws');
const { groupOf, listen } = require('./control.js');

const groups = new Map();
const server = http.createServer();
const sockets = new WebSocketServer({ server, maxPayload: 1 << 20 });

sockets.on('connection', (socket, request) => {
  socket.on('error', () => {});
  const [, job, group] = request.url.split('/');
  if (job === 'recv') {
    if (!groups.has(group)) groups.set(group, new Set());
    const members = groups.get(group);
    members.add(socket);
    socket.on('close', () => members.delete(socket));
  } else if (job === 'echo') {
    socket.on('message', (message, binary) => socket.send(message, { binary }));
  } else {
    socket.on('message', (message, binary) => {
      for (const member of groups.get(groupOf(message)) ?? []) member.send(message, { binary });
    });
  }
  socket.send(Buffer.from('ready'));
});

listen(server);
