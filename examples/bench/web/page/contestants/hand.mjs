// A client by hand, with names and calls, and with nothing else. A message is a name, a number and a text, with spaces between. In a write of several
// messages a character that texts do not have is between them.

const end = "\x1e";

/** The greatest write of several messages, in characters. */
const most = 64 << 10;

/** @param {boolean} gathers whether the messages of a task, and of the microtasks behind it, are one write */
export const byHand = (gathers) => (/** @type {string} */ at) => new Promise((resolve, reject) => {
  const socket = new WebSocket(`ws://${at}/${gathers ? "gathered" : "each"}`);
  const handlers = new Map();
  const calls = new Map();
  let calling = 0;
  let out = "";
  const flush = () => {
    if (out) socket.send(out);
    out = "";
  };
  const write = (name, id, text) => {
    const message = `${name} ${id} ${text}`;
    if (!gathers) return socket.send(message);
    if (out.length + message.length > most) flush();
    if (!out) queueMicrotask(flush);
    out = out ? out + end + message : message;
  };
  const call = (name, text) => new Promise((answer) => {
    calls.set(++calling, answer);
    write(name, calling, text);
  });
  socket.onmessage = ({ data }) => {
    for (let at = 0; at < data.length; ) {
      let next = data.indexOf(end, at);
      if (next < 0) next = data.length;
      const space = data.indexOf(" ", at);
      const second = data.indexOf(" ", space + 1);
      const name = data.slice(at, space);
      const text = data.slice(second + 1, next);
      if (name === "answer") {
        const id = Number(data.slice(space + 1, second));
        const answer = calls.get(id);
        calls.delete(id);
        answer(text);
      } else {
        handlers.get(name)?.(text);
      }
      at = next + 1;
    }
  };
  socket.onopen = () => resolve({
    texts: (fn) => handlers.set("text", fn),
    ask: (n) => write("texts", 0, n),
    call: (text) => call("echo", text),
    send: (text) => write("take", 0, text),
    taken: async () => Number(await call("taken", "")),
  });
  socket.onerror = () => reject(new Error("the socket failed"));
});
