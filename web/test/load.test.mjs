// How the Go program is loaded: with progress, and from responses from which a browser does not compile while they come.

import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { bundle, open, openPage, startServer, test } from "./harness.mjs";

const total = (await stat(join(bundle, "hisock.wasm"))).size;

/** Loads the Go program in a page. It returns what onProgress was told, without those steps that are between. */
async function load(page, options = {}) {
  const { told, sum } = await page.evaluate(async (options) => {
    const told = [];
    const client = await hisock.connect("/ws", { ...options, onProgress: (progress) => told.push(progress) });
    return { told, sum: await client.call("sum", [1, 2]) };
  }, options);
  assert.equal(sum, 3);
  assert.ok(told.every((p) => p.total === total), `total ${told[0].total}, size ${total}`);
  return told.map((p) => p.loaded);
}

/** Checks the progress of a load in parts. */
function inParts(loaded) {
  assert.equal(loaded[0], 0);
  assert.equal(loaded.at(-1), total);
  assert.ok(loaded.length > 2, `${loaded}`);
  assert.ok(loaded.every((n, i) => i === 0 || n > loaded[i - 1]), `${loaded}`);
}

test.wasm("progress is in bytes of the program, whatever the length of the response", async (t) => {
  const { page } = await open(t);
  let encoding;
  page.on("response", async (response) => {
    if (response.url().endsWith("hisock.wasm")) encoding = (await response.allHeaders())["content-encoding"];
  });
  inParts(await load(page));
  assert.equal(encoding, "gzip");
  assert.deepEqual(await load(page), [total]); // it is there
});

test.wasm("progress from the browser's cache, and of a program that another client loads", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.own);
  inParts(await load(page));
  const again = await page.context().newPage();
  await again.goto(server.own);
  const loads = await again.evaluate(async () => {
    const { connect } = await import("/hisock/hisock.js");
    const told = { first: [], second: [] };
    const first = connect("/ws", { engine: "wasm", onProgress: ({ loaded }) => told.first.push(loaded) });
    await connect("/ws", { engine: "wasm", onProgress: ({ loaded }) => told.second.push(loaded) });
    await first;
    return told;
  });
  inParts(loads.first);
  inParts(loads.second);
});

test.wasm("a load that fails begins its progress anew", async (t) => {
  const { page } = await open(t);
  let asked = 0;
  await page.route("**/hisock.wasm", (route) => (++asked === 1 ? route.fulfill({ status: 503 }) : route.continue()));
  const loaded = await load(page, { retry: { min: 5, max: 10 } });
  assert.equal(loaded[0], 0);
  inParts(loaded.slice(1));
});

test.wasm("progress is told to nobody who has given up, and may throw", async (t) => {
  const { page } = await open(t);
  const got = await page.evaluate(async (total) => {
    const abort = new AbortController();
    const told = [];
    const given = failure(() => hisock.connect("/ws", {
      signal: abort.signal, onProgress: ({ loaded }) => {
        told.push(loaded);
        abort.abort(new Error("too large"));
        throw new Error("no bar");
      },
    }));
    const { message } = await given;
    const other = collect();
    const client = await hisock.connect("/ws", { onProgress: ({ loaded }) => other.push(loaded) });
    return [message, told, other.at(-1) === total, await client.call("sum", [1])];
  }, total);
  assert.deepEqual(got, ["too large", [0], true, 1]);
  assert.match(page.errors.map(String).join(), /no bar/);
});

const edits = {
  "another type": (response) => new Response(response.body, { headers: { "Content-Type": "application/octet-stream" } }),
  "a type with parameters": (response) => new Response(response.body, { headers: { "Content-Type": "application/wasm; charset=utf-8" } }),
  "no type": (response) => new Response(response.body),
};

for (const [what, edit] of Object.entries(edits)) {
  for (const counted of [true, false]) {
    test.wasm(`a response of ${what} is compiled as it comes${counted ? ", with progress" : ""}`, async (t) => {
      const { page } = await open(t);
      await page.evaluate((edit) => {
        const { fetch } = window;
        window.fetch = async (url, ...rest) => {
          const response = await fetch(url, ...rest);
          return /\.wasm$/.test(url) ? (0, eval)(edit)(response) : response;
        };
        WebAssembly.compile = () => Promise.reject(new Error("compiled at once"));
      }, String(edit));
      if (counted) inParts(await load(page));
      else assert.equal(await page.evaluate(async () => (await hisock.connect("/ws")).call("sum", [2, 3])), 5);
    });
  }
}

test.wasm("a browser that does not compile while the program comes gets it whole", async (t) => {
  const { page: without } = await open(t);
  await without.evaluate(() => delete WebAssembly.compileStreaming);
  inParts(await load(without));
  const { page: refusing } = await open(t);
  await refusing.evaluate(() => (WebAssembly.compileStreaming = () => Promise.reject(new TypeError("not from this response"))));
  const loaded = await load(refusing);
  inParts(loaded.slice(loaded.lastIndexOf(0)));
});

test.wasm("a service worker may answer with the program", async (t) => {
  const { page } = await open(t);
  const worker = `
    addEventListener("install", () => skipWaiting());
    addEventListener("activate", (event) => event.waitUntil(clients.claim()));
    addEventListener("fetch", (event) => {
      if (!event.request.url.endsWith("/hisock.wasm")) return;
      event.respondWith((async () => {
        const kept = await caches.open("kept");
        if (!(await kept.match("program"))) {
          const response = await fetch(event.request);
          await kept.put("program", new Response(await response.arrayBuffer()));
        }
        return kept.match("program");
      })());
    });`;
  await page.context().route("**/worker.js", (route) => route.fulfill({ contentType: "text/javascript", body: worker }));
  await page.evaluate(async () => {
    const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
    await navigator.serviceWorker.register("/worker.js");
    await controlled;
  });
  inParts(await load(page));
  assert.ok(await page.evaluate(async () => (await caches.open("kept")).match("program")).then(Boolean));
});
