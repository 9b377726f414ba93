'use strict';

// The control of a server of the benchmark: the server writes its address, answers questions
// on its input, and ends when its input ends. See Run in serve/serve.go.

const readline = require('node:readline');

exports.listen = (server) => {
  server.listen(0, '127.0.0.1', 4096, () => {
    const { address, port } = server.address();
    console.log(`${address}:${port}`);
  });
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    switch (line) {
      case 'cpu': {
        const { user, system } = process.cpuUsage();
        console.log(`${(user + system) * 1000}`);
        break;
      }
      case 'memory': {
        globalThis.gc();
        globalThis.gc();
        const { heapUsed, external, rss } = process.memoryUsage();
        console.log(`${heapUsed + external} ${rss}`);
        break;
      }
      default:
        console.error(`asked for ${JSON.stringify(line)}`);
        process.exit(1);
    }
  });
  lines.on('close', () => process.exit(0));
};

// groupOf returns the name of a message's group.
exports.groupOf = (message) => message.toString('latin1', 0, 4);
