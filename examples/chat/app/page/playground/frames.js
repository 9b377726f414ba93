// Bytes of a connection to frames, and frames to a line of text. core/wire/doc.go describes them.

const maxText = 160; // characters of a payload that are shown
const preface = 4; // bytes that a client sends before its first frame

/** Takes values off the front of a body. A frame that is cut short has zeros and empty texts. */
class Body {
  #b;
  #at = 0;

  constructor(bytes) {
    this.#b = bytes;
  }

  get more() {
    return this.#at < this.#b.length;
  }

  number() {
    let value = 0;
    for (let scale = 1; this.more; scale *= 128) {
      const c = this.#b[this.#at++];
      value += (c & 127) * scale;
      if (c < 128) break;
    }
    return value;
  }

  bytes() {
    const n = this.number();
    const part = this.#b.subarray(this.#at, this.#at + n);
    this.#at += part.length;
    return part;
  }

  text() {
    return textOf(this.bytes());
  }

  rest() {
    const part = this.#b.subarray(this.#at);
    this.#at = this.#b.length;
    return part;
  }
}

/** Text without characters that hide or turn text, or undefined for bytes that are no text. */
function plain(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(0, 4 * maxText), { stream: bytes.length > 4 * maxText });
    return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
  } catch {
    return undefined;
  }
}

const textOf = (bytes) => plain(bytes) ?? hex(bytes);
const hex = (bytes) => Array.from(bytes.subarray(0, 24), (b) => b.toString(16).padStart(2, "0")).join(" ") + (bytes.length > 24 ? " …" : "");

/** A payload: its text, or its first bytes if it has none. */
function payload(bytes) {
  if (bytes.length === 0) return "";
  const text = plain(bytes);
  if (text === undefined) return hex(bytes);
  return text.length > maxText || bytes.length > 4 * maxText ? `${text.slice(0, maxText)}…` : text;
}

const quoted = (name) => (name ? `“${name}”` : "no name");

/** Code, reason, time to wait and details of a failure or goodbye. */
function failure(b) {
  const parts = [`code ${b.number()}`];
  const reason = b.text();
  if (reason) parts.push(reason);
  const ms = b.number();
  if (ms) parts.push(`retry after ${ms} ms`);
  const details = b.rest();
  if (details.length > 0) parts.push(payload(details));
  return parts.join(", ");
}

/** A hello or welcome. The secrets in it, auth and token, are only counted. */
function handshake(b, say) {
  const parts = [];
  const groups = [];
  while (b.more) {
    const tag = b.number();
    const field = b.bytes();
    if (tag === 3) groups.push(textOf(field));
    else parts.push(say(tag, field, new Body(field)));
  }
  if (groups.length > 0) parts.push(`groups ${groups.join(", ")}`);
  return parts.filter(Boolean).join(", ");
}

const hello = (b) => handshake(b, (tag, field, value) => {
  switch (tag) {
    case 2: return `name ${quoted(textOf(field))}`;
    case 4: return `auth of ${field.length} B`;
    case 5: return `metadata ${value.text()}`;
    case 6: return "goes on with its session";
    case 8: return `${value.number()} frames received`;
  }
});

const welcome = (b) => handshake(b, (tag, field, value) => {
  switch (tag) {
    case 2: return `name ${quoted(textOf(field))}`;
    case 7: return "a session";
    case 8: return `${value.number()} frames received`;
    case 15: return `heartbeat ${value.number() / 1000} s`;
    case 16: return value.number() ? "resumed" : "";
    case 20: return `not in group ${value.text()}`;
    case 21: return `waits ${value.number() / 1000} s for a client that is away`;
  }
});

const named = (b) => quoted(b.text());
const numbered = (b) => `#${b.number()} ${payload(b.rest())}`;
const asked = (b) => `#${b.number()} ${named(b)}`;
const nothing = () => "";

// By kind: the name, and what the body says. Upkeep are the frames that carry nothing of the program.
const kinds = new Map([
  [0x01, ["hello", hello]],
  [0x02, ["welcome", welcome]],
  [0x03, ["refuse", failure]],
  [0x10, ["command", (b) => `${b.text()} ${payload(b.rest())}`]],
  [0x11, ["raw", (b) => payload(b.rest())]],
  [0x12, ["request", (b) => `#${b.number()} ${b.text()} ${payload(b.rest())}`]],
  [0x13, ["reply", numbered]],
  [0x14, ["failure", (b) => `#${b.number()} ${failure(b)}`]],
  [0x15, ["cancel", numbered]],
  [0x16, ["stream item", numbered]],
  [0x17, ["stream end", (b) => `#${b.number()} ${failure(b).replace(/^code 0$/, "complete")}`]],
  [0x18, ["stream credit", (b) => `#${b.number()} ${b.number()} B more`, true]],
  [0x19, ["standstill", nothing]],
  [0x1a, ["stream", (b) => {
    const [id, window] = [b.number(), b.number()];
    b.number();
    return `#${id} ${b.text()} ${payload(b.rest())}, window ${window} B`;
  }]],
  [0x1b, ["stream part", numbered]],
  [0x20, ["ping", nothing, true]],
  [0x21, ["pong", nothing, true]],
  [0x22, ["ack", (b) => `${b.number()} frames received`, true]],
  [0x23, ["goodbye", failure]],
  [0x24, ["missed", (b) => `${b.number()} frames dropped`]],
  [0x30, ["join group", named]],
  [0x31, ["leave group", named]],
  [0x32, ["joined", named]],
  [0x33, ["left", named]],
  [0x34, ["rename", named]],
  [0x35, ["renamed", (b) => `${named(b)} is ${named(b)}`]],
  [0x36, ["ask join", asked]],
  [0x37, ["ask leave", asked]],
  [0x38, ["ask rename", asked]],
  [0x39, ["replay", named]],
  [0x3a, ["replay end", named]],
  [0x3b, ["group command", (b) => `${named(b)} #${b.number()} ${b.text()} ${payload(b.rest())}`]],
  [0x3c, ["group raw", (b) => `${named(b)} #${b.number()} ${payload(b.rest())}`]],
  [0x3d, ["group passed", (b) => `${named(b)} #${b.number()}`]],
]);

/** Says what a frame is. */
function describe(kind, body) {
  const [name, say, upkeep = false] = kinds.get(kind) ?? [`kind 0x${kind.toString(16)}`, (b) => hex(b.rest())];
  return { kind: name, text: say(new Body(body)).trim(), upkeep };
}

/** Splits one direction of a connection into frames. */
export class Splitter {
  #rest = new Uint8Array(0);
  #skip;

  /** A client sends a preface first. */
  constructor(way) {
    this.#skip = way === "sent" ? preface : 0;
  }

  /** Returns the frames that are complete now. size is the bytes that a frame takes on the wire. */
  push(bytes) {
    if (this.#rest.length > 0) {
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      bytes = joined;
    }
    const frames = [];
    let from = Math.min(this.#skip, bytes.length);
    this.#skip -= from;
    for (;;) {
      let length = 0;
      let at = from;
      let scale = 1;
      while (at < bytes.length && bytes[at] >= 128) {
        length += (bytes[at++] & 127) * scale;
        scale *= 128;
      }
      length += (bytes[at++] ?? 0) * scale;
      const end = at + length;
      if (at >= bytes.length || end > bytes.length) break;
      frames.push({ ...describe(bytes[at], bytes.subarray(at + 1, end)), size: end - from });
      from = end;
    }
    this.#rest = bytes.slice(from); // the engine may use its bytes again
    return frames;
  }
}
