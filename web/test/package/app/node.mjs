// The same in Node: node node.mjs ENTRY ADDRESS. It ends by itself.

const [, , entry, address] = process.argv;
const { connect, HisockError } = await import(entry);
const client = await connect(address);
const sum = await client.call("sum", [1, 2, 3]);
const refused = await client.call("nothing").catch((err) => err);

// What a handler throws is an uncaught error of the program.
const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
client.on("reflected", () => {
  throw new Error("mine");
}, { as: "text" });
client.send("reflect", "hello");
const { message } = await uncaught;
if (message !== "mine") throw new Error(`another error: ${message}`);
await client.close();

// A module with its own copy of the class.
const { StoredTarget } = await import("hisock/files");
const unsupported = await new StoredTarget("x").part().catch((err) => err);
class Own extends HisockError {}
if (!(unsupported instanceof HisockError) || unsupported instanceof Own || !(new Own(1000, "") instanceof HisockError)) throw unsupported;

console.log(`sum ${sum}, ${refused.code}, ${refused instanceof HisockError}`);
