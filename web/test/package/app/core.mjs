// What hisock/core does, and what it does not: node core.mjs ADDRESS.

import { connect, HisockError } from "hisock/core";

const address = process.argv[2];
const states = [];
const client = await connect(address, { name: "ada", groups: ["chat"], as: "text", onState: (state) => states.push(state) });
const said = new Promise((resolve) => client.on("text", resolve));
client.send("texts", 1);
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
];
console.log(JSON.stringify([(await said).length > 0, client.groups, client.name, failures, await client.call("echo", "hello", { as: "text" })]));
await client.close();
