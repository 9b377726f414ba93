// What a client sends, gets and goes through, in lines that a person can read: connect(url, { debug }). Nothing else of this
// package imports this module, so that only pages that want it load it.

/** @typedef {import("./native.d.ts").Native} Native */

// How many lines are written in one period, in milliseconds, and how much of a payload is shown, in characters.
const maxLines = 500;
const period = 10_000;
const maxText = 80;

const states = ["connected", "disconnected", "reconnecting", "resumed", "connecting"];

/** Writes to the console. @type {typeof import("./debug.d.ts").debug} */
export const debug = debugTo((line) => console.debug(line));

/**
 * @param {(line: string) => unknown} write
 * @returns {import("./hisock.d.ts").Debug}
 */
export function debugTo(write) {
  return (/** @type {Native} */ { connect }) => ({ connect: (config, sink) => watch(connect, config, sink, bounded(write)) });
}

/** @param {(line: string) => unknown} write */
function bounded(write) {
  let begun = -Infinity;
  let lines = 0;
  return (/** @type {string} */ line) => {
    const now = performance.now();
    if (now - begun > period) {
      if (lines > maxLines) write(`hisock: ${lines - maxLines} lines left out`);
      begun = now;
      lines = 0;
    }
    if (++lines <= maxLines) write(`hisock ${(now / 1000).toFixed(3)} ${line}`);
  };
}

/** @param {Uint8Array | undefined} bytes */
function show(bytes) {
  if (!bytes?.length) return "0 B";
  const size = `${bytes.length} B: `;
  const cut = (/** @type {string} */ text, /** @type {boolean} */ more) => size + text + (more ? "…" : "");
  try {
    const more = bytes.length > 4 * maxText;
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(0, 4 * maxText), { stream: more });
    // eslint-disable-next-line no-control-regex
    const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "·");
    return cut(line.slice(0, maxText), more || line.length > maxText);
  } catch {
    const hex = Array.from(bytes.subarray(0, 16), (b) => b.toString(16).padStart(2, "0"));
    return cut(hex.join(" "), bytes.length > 16);
  }
}

/** @param {{ code: unknown, message: string } | null | undefined} err */
const because = (err) => (err ? `: ${err.code}: ${err.message}` : "");

/**
 * @param {Native["connect"]} connect
 * @param {import("./native.d.ts").Config} config
 * @param {import("./native.d.ts").Sink} sink
 * @param {(line: string) => void} write
 */
function watch(connect, config, sink, write) {
  /** What was asked for, and when, by the ids. @type {Map<number, { what: string, at: number }>} */
  const asked = new Map();
  const ask = (/** @type {number} */ id, /** @type {string} */ what, /** @type {string} */ more) => {
    asked.set(id, { what, at: performance.now() });
    write(`→ ${what} #${id}${more}`);
  };
  /** @type {any} */
  const before = {
    state: (/** @type {number} */ n, /** @type {string} */ name, /** @type {any} */ why) =>
      write(`● ${states[n - 1]}${name && ` as ${JSON.stringify(name)}`}${because(why)}`),
    command: (/** @type {string} */ command, /** @type {Uint8Array} */ b, /** @type {boolean} */ old) => write(`← ${command}${old ? ", replayed" : ""}, ${show(b)}`),
    raw: (/** @type {Uint8Array} */ b) => write(`← raw, ${show(b)}`),
    called: (/** @type {number} */ id, /** @type {string} */ command, /** @type {Uint8Array} */ b) => write(`← call ${command} of the server #${id}, ${show(b)}`),
    streamed: (/** @type {unknown} */ _, /** @type {string} */ name, /** @type {Uint8Array} */ b) => write(`← stream ${name}, ${show(b)}`),
    auth: () => write("● the auth is asked for"),
    cancelled: (/** @type {number} */ id) => write(`← cancel #${id}`),
    settled: (/** @type {number} */ id, /** @type {any} */ err, /** @type {Uint8Array} */ b) => {
      const { what, at } = asked.get(id) ?? { what: "", at: 0 };
      asked.delete(id);
      write(`← ${what} #${id}${err ? because(err) : what.startsWith("call") ? `, ${show(b)}` : ""}, after ${(performance.now() - at).toFixed(1)} ms`);
    },
    changed: (/** @type {string} */ hook, /** @type {string} */ what, /** @type {string} */ name) => write(`← ${hook} ${what}${hook === "rename" ? ` to ${name}` : ""}`),
    replay: (/** @type {string} */ hook, /** @type {string} */ group, /** @type {number} */ n) => write(`← ${hook} of ${group}, ${n} messages`),
    undelivered: (/** @type {unknown[]} */ list) => write(`● ${list.length / 4} messages were not delivered`),
    missed: (/** @type {number} */ n) => write(`● the server has dropped ${n}`),
    notice: (/** @type {string} */ hook, /** @type {string} */ name) => write(`← ${hook} ${name}`),
    warn: (/** @type {unknown[]} */ ...args) => write(`● ${args.join(" ")}`),
    ended: (/** @type {any} */ err) => write(`● ended${because(err)}`),
  };
  write(`● connecting to ${config.url}`);
  const client = /** @type {any} */ (connect(config, /** @type {any} */ (both(sink, before))));
  if (!client || client instanceof Error) return client;
  return both(client, {
    send: (/** @type {string} */ command, /** @type {Uint8Array} */ b) => write(`→ ${command}, ${show(b)}`),
    sendRaw: (/** @type {Uint8Array} */ b) => write(`→ raw, ${show(b)}`),
    call: (/** @type {number} */ id, /** @type {string} */ command, /** @type {Uint8Array} */ b) => ask(id, `call ${command}`, `, ${show(b)}`),
    change: (/** @type {number} */ id, /** @type {number} */ how, /** @type {string} */ name) => ask(id, `${["join", "leave", "rename to"][how]} ${name}`, ""),
    drained: (/** @type {number} */ id) => ask(id, "wait for room", ""),
    cancel: (/** @type {number} */ id) => write(`→ cancel #${id}`),
    answer: (/** @type {number} */ id, /** @type {Uint8Array} */ b) => write(`→ answer #${id}, ${b.length} B`), // it may be the auth
    refuse: (/** @type {number} */ id, /** @type {number} */ code, /** @type {string} */ message) => write(`→ refusal #${id}: ${code}: ${message}`),
    openStream: (/** @type {string} */ name, /** @type {Uint8Array} */ b) => write(`→ stream ${name}, ${show(b)}`),
    close: () => write("→ close"),
  });
}

/**
 * Returns an object that calls the method of before, if there is one, ahead of each method of object.
 *
 * @param {any} object
 * @param {Record<string, Function>} before
 */
function both(object, before) {
  return new Proxy(object, {
    get(target, key) {
      const method = target[key];
      if (typeof method !== "function") return method;
      return (/** @type {unknown[]} */ ...args) => {
        before[/** @type {string} */ (key)]?.(...args);
        return method.apply(target, args);
      };
    },
  });
}
