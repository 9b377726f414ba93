// A page that uses hisock as its address says. Its title becomes the outcome.

const how = {
  js: async () => (await import("./js.js")).outcome(),
  wasm: async () => (await import("./wasm.js")).outcome(),
  "lazy-js": async () => (await import("./lazy.js")).outcome("js"),
  "lazy-wasm": async () => (await import("./lazy.js")).outcome("wasm"),
  worker: () => answer(new Worker(new URL("./worker.js", import.meta.url), { type: "module" })),
  shared: () => answer(new SharedWorker(new URL("./shared.js", import.meta.url), { type: "module" }).port),
};

/** Waits for the outcome of a worker. */
function answer(worker) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(`worker: ${event.message}`));
  });
}

how[new URL(location.href).searchParams.get("how")]().then(
  (outcome) => (document.title = outcome),
  (err) => (document.title = `failed: ${err.name}: ${err.message}`),
);
