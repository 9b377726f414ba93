// What every page does: it connects, and asks for the answer to one text. The query says where the socket is. The title says how far the page
// is.

/** The text of all messages: 128 letters and spaces. */
const text = "hisock benchmark".repeat(8);

/**
 * A client of a contestant. texts sets the one handler of the texts that the server sends, and resolves when they may come. ask asks for n texts. call
 * resolves to the text that it sends. send sends a text, and returns a promise if it has to wait. taken resolves to the number of texts that the
 * server has taken since the last time. on, if there is one, sets a handler of a name and returns a function that removes the handler.
 *
 * @typedef {{
 *   texts(fn: (text: string) => void): unknown,
 *   ask(n: number): void,
 *   call(text: string): Promise<string>,
 *   send(text: string): Promise<unknown> | void,
 *   taken(): Promise<number>,
 *   on?(name: string, fn: () => void): () => void,
 * }} Client
 */

/** @param {(at: string) => Promise<Client>} connect */
export async function begin(connect) {
  const query = new URLSearchParams(location.search);
  try {
    const client = await connect(/** @type {string} */ (query.get("socket")));
    const connected = performance.now();
    if ((await client.call(text)) !== text) throw new Error("the answer has another text");
    globalThis.bench = { client, text };
    document.title = `connected ${connected} ${performance.now()}`;
    const work = query.get("work");
    if (work) await (await import(new URL("/works.mjs", location.href).href))[work](query);
  } catch (err) {
    document.title = `failed: ${err?.message ?? err}`;
  }
}
