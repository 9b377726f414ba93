// nats.js over WebSocket with the defaults: texts come to an inbox, and calls are requests to the program beside the server.

import { createInbox, wsconnect } from "@nats-io/nats-core";

const patience = { timeout: 20_000 };

export const connect = async (/** @type {string} */ at) => {
  const client = await wsconnect({ servers: `ws://${at}` });
  const inbox = createInbox();
  return {
    texts: (fn) => {
      client.subscribe(inbox, { callback: (err, message) => fn(err ? String(err) : message.string()) });
      return client.flush();
    },
    ask: (n) => client.publish("bench.texts", String(n), { reply: inbox }),
    call: async (text) => (await client.request("bench.echo", text, patience)).string(),
    send: (text) => client.publish("bench.take", text),
    taken: async () => Number((await client.request("bench.taken", "", patience)).string()),
  };
};
