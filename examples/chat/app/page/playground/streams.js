// The streams of the playground. playground.go has their other end.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Yields numbers from 1 to n, slowly enough for a line to be cut in between. */
async function* slowly(n, ms, value = (i) => i) {
  for (let i = 1; i <= n; i++) {
    await pause(ms);
    yield value(i);
  }
}

const word = (i) => `word ${i}`;
const inOrder = "each once and in order";

/** Says what has come of items that should be complete. */
function verdict(what, got, wanted) {
  if (got.length !== wanted.length) return `${got.length} of ${wanted.length} ${what}`;
  const wrong = got.findIndex((item, i) => item !== wanted[i]);
  return wrong < 0 ? `${got.length} ${what}, ${inOrder}` : `${got.length} ${what}, but number ${wrong + 1} is ${got[wrong]}`;
}

const range = (n, value = (i) => i) => Array.from({ length: n }, (_, i) => value(i + 1));

/**
 * By name. Each has the unit and greatest number of what it carries. run carries n of them, calls step with how many have come so far,
 * and returns a sentence. code is the same for somebody else's program.
 */
export const streams = {
  ticks: {
    unit: "Items", most: 200, usual: 30,
    async run(client, n, signal, step) {
      const got = [];
      for await (const tick of client.stream("ticks", { count: n, every: 100 }, { signal })) step(got.push(tick.n));
      return verdict("ticks", got, range(n));
    },
    code: (n) => `for await (const tick of client.stream("ticks", { count: ${n}, every: 100 })) console.log(tick.n);`,
  },
  sum: {
    unit: "Items", most: 200, usual: 30,
    async run(client, n, signal, step) {
      const numbers = slowly(n, 50, (i) => (step(i), i));
      const total = await client.upload("sum", undefined, numbers, { signal, as: "number" });
      const right = (n * (n + 1)) / 2;
      return `the sum of 1 to ${n} is ${total}${total === right ? "" : `, which is wrong: it is ${right}`}`;
    },
    code: (n) => `console.log(await client.upload("sum", undefined, Array.from({ length: ${n} }, (_, i) => i + 1), { as: "number" }));`,
  },
  shout: {
    unit: "Items", most: 200, usual: 30,
    async run(client, n, signal, step) {
      const got = [];
      for await (const text of client.exchange("shout", undefined, slowly(n, 50, word), { signal, as: "text" })) step(got.push(text));
      return verdict("answers", got, range(n, (i) => word(i).toUpperCase()));
    },
    code: (n) => `const words = Array.from({ length: ${n} }, (_, i) => \`word \${i + 1}\`);
for await (const text of client.exchange("shout", undefined, words, { as: "text" })) console.log(text);`,
  },
  mirror: {
    unit: "KiB", most: 256, usual: 64,
    async run(client, n, signal, step) {
      const { readable, writable } = client.openBytes("mirror", undefined, { signal });
      const sent = bytesOf(n);
      const sending = chunksOf(sent).pipeTo(writable);
      const receiving = takeAll(readable, sent, (size) => step(size / 1024));
      const [right] = await Promise.all([receiving, sending]);
      return right ? `${n} KiB came back as they were` : `${n} KiB came back, and are not the same`;
    },
    code: (n) => `const { readable, writable } = client.openBytes("mirror");
const [back] = await Promise.all([new Response(readable).arrayBuffer(), new Blob([new Uint8Array(${n} * 1024)]).stream().pipeTo(writable)]);
console.log(back.byteLength);`,
  },
};

const bytesOf = (n) => Uint8Array.from({ length: n * 1024 }, (_, i) => (i * 31 + (i >> 8)) & 255);

/** A stream of 4 KiB at a time. */
function chunksOf(bytes) {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await pause(20);
      controller.enqueue(bytes.subarray(at, (at += 4096)));
      if (at >= bytes.length) controller.close();
    },
  });
}

/** Reads to the end, and reports whether the bytes are the wanted ones. */
async function takeAll(readable, wanted, step) {
  let at = 0;
  let same = true;
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return same && at === wanted.length;
    same &&= value.every((byte, i) => byte === wanted[at + i]);
    step((at += value.length));
  }
}
