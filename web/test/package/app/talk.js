// Talks to the server of the tests.

export async function talk(connect, HisockError, options) {
  const client = await connect("/ws", options);
  const sum = await client.call("sum", [1, 2, 3]);
  const refused = await client.call("nothing").catch((err) => err);
  if (!(refused instanceof HisockError)) throw refused;
  await client.close();
  return `sum ${sum}, ${refused.code}`;
}
