// The client of hisock, with either engine, and the defaults but for the form of payloads.

/** @param {typeof import("../../../../../web/hisock.js").connect} dial */
export const hisock = (dial) => async (/** @type {string} */ at) => {
  const client = await dial(`ws://${at}/`, { as: "text" });
  return {
    texts: (fn) => client.on("text", fn),
    ask: (n) => client.send("texts", n),
    call: (text) => client.call("echo", text),
    // What the README says about sending much.
    send(text) {
      try {
        client.send("take", text);
      } catch (err) {
        if (err.code !== "queue_full") throw err;
        return client.drained().then(() => client.send("take", text));
      }
    },
    taken: async () => Number(await client.call("taken")),
    on: (name, fn) => client.on(name, fn),
  };
};
