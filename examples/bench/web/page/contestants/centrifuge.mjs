// centrifuge-js with the defaults, which is JSON: texts come as publications of a channel, and calls are RPCs.

import { Centrifuge } from "centrifuge";

export const connect = (/** @type {string} */ at) => new Promise((resolve, reject) => {
  const client = new Centrifuge(`ws://${at}/`);
  const channel = `texts-${crypto.randomUUID()}`;
  client.once("connected", () => resolve({
    texts: (fn) => new Promise((subscribed) => {
      const texts = client.newSubscription(channel);
      texts.on("publication", ({ data }) => fn(data));
      texts.once("subscribed", subscribed);
      texts.subscribe();
    }),
    ask: (n) => void client.rpc("texts", { n, channel }),
    call: async (text) => (await client.rpc("echo", text)).data,
    send: (text) => void client.send(text),
    taken: async () => (await client.rpc("taken", null)).data,
  }));
  client.once("error", ({ error }) => reject(new Error(error.message)));
  client.connect();
});
