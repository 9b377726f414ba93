// What hisock/core does, and what it does not: node core.mjs ADDRESS.

import { connect, HisockError } from "hisock/core";

const address = process.argv[2];
const states = [];
const client = await connect(address, { name: "ada", groups: ["chat"], as: "text", onState: (state) => states.push(state) });
const said = new Promise((resolve) => client.on("reflected", resolve));
client.send("reflect", "hello");
await client.join("other");
await client.rename("grace");
const without = async (fn) => {
  try {
    await fn();
  } catch (err) {
    if (err instanceof HisockError) return err.code;
    throw err;
  }
  return "did not fail";
};
const failures = [
  await without(() => client.stream("numbers", 3).next()),
  await without(() => client.openBytes("bytes")),
  await without(() => connect(address, { keepSession: true })),
  await without(() => client.waitFor("text")),
  await without(() => client.commands("text")),
  await without(() => client.recvRaw()),
  await without(() => client.drain()),
  await without(() => client.send("take", "x", {})),
  await without(() => client.call("echo", new Blob(["x"]))),
];
// A client whose queue is full asks the server for an ack with a ping.
const full = await connect(address, { queueBytes: 4096, log: false });
const refused = await without(() => {
  for (;;) full.send("take", "x".repeat(1000));
});
await full.drained();
const after = [refused, full.state, await full.call("echo", "still here", { as: "text" })];
await full.close();
console.log(JSON.stringify([(await said).length > 0, client.groups, client.name, failures, await client.call("echo", "hello", { as: "text" }), after]));
await client.close();
