// One Go program serves all clients of a page. The first client that connects loads the program, and so does the next client after the program
// has ended.
//
// wasm_exec.js, Go's support file, reads and sets properties of the global object: fs, process, path and its own class. In the bundle's copy the
// whole file is a function, and its parameter takes the place of the global object. The parameter is the object of #scope. So the file changes no
// global of the page, and uses no value that the page has under these names.

import { Border } from "./program/border.js";
import { BorderClient, own } from "./program/client.js";
import { feed } from "./program/feed.js";
import { Loader } from "./program/load.js";
import { orLoadFailed } from "./engines.js";
import { HisockError, nameOf, reportError } from "./errors.js";
import { decodeDetails } from "./payload.js";

/** @typedef {import("./native.d.ts").Native} Native */
/** @typedef {import("./native.d.ts").Sink} Sink */
/** @typedef {import("./program/client.js").ProgramClient} ProgramClient */
/** @typedef {Sink & Pick<BorderClient, "streamEnded" | "streamRefused">} ProgramSink */
/**
 * @typedef {Omit<Native, "connect"> & import("./program/border.js").Offer & {
 *   connect(config: import("./native.d.ts").Config, sink: ProgramSink, id: number): ProgramClient | HisockError | undefined }} Program
 */

// Names of global properties that only the Go program has. It does not see the page's properties of these names.
const hidden = new Set(["Go", "fs", "process", "path", "hisock"]);

// Matches most valid names of commands: printable characters of ASCII, with spaces inside only, and no name of an event. The program checks all
// other names, which takes a hundred times as long.
const valid = /^(?!(join|leave|message|client_connect|client_disconnect|force_disconnect)$)[!-~]([ -~]{0,254}[!-~])?$/;

// The id of the build. web.Build writes it here, into hisock.wasm and into wasm_exec.js.
const build = "";

// The size of hisock.wasm in bytes, uncompressed. web.Build writes it here, because a server tells the size of the compressed file only.
const size = 0;

/** @type {Promise<Instance> | undefined} */
let current;

const loader = new Loader(new URL("./hisock.wasm", import.meta.url), size);

/**
 * Returns the running Go program. It starts the program if none runs.
 *
 * @param {import("./program/load.js").Tell} [tell] called with the progress of loading
 * @returns {Promise<Instance>}
 */
export function instance(tell) {
  if (tell) loader.watch(tell);
  if (!current) {
    const starting = start();
    current = starting;
    starting.then(
      (inst) => inst.onEnd(() => forget(starting)),
      () => forget(starting),
    );
  }
  return current;
}

/** @param {Promise<Instance>} gone */
function forget(gone) {
  if (current === gone) current = undefined;
}

/** Counts the clients and the callbacks of the Go program of this page, for tests. */
export async function stats() {
  if (!current) return { clients: 0, callbacks: 0 };
  return (await current).native.stats();
}

/** Ends the Go program of this page like a panic, for tests. */
export async function crash() {
  if (current) (await current).native.crash();
}

async function start() {
  const [module, exec] = await Promise.all([loader.module(), orLoadFailed(import("./wasm_exec.js"))]);
  const section = WebAssembly.Module.customSections(module, "hisock build").pop();
  needBuild("hisock.wasm", section && new TextDecoder().decode(section));
  needBuild("wasm_exec.js", exec.build);
  return new Instance(module, exec.default);
}

/**
 * Throws an error if a file and this module are of different builds: nothing else that the two files share can be relied on.
 *
 * @param {string} file
 * @param {string | undefined} id of the file's build
 */
function needBuild(file, id) {
  if (id === build) return;
  loader.forget(); // the file may have come from a cache: the next attempt fetches it again
  throw new HisockError("load_failed", `${file} is of build ${id || "unknown"}, but instance.js of build ${build}: serve all files of one build`);
}

/** A running Go program. */
class Instance {
  /** @type {Native} */
  native;

  /** @type {HisockError | undefined} */
  ended;

  /** @type {Set<(why: HisockError) => void>} */
  #watchers = new Set();

  /** @type {Set<WebSocket>} */
  #sockets = new Set();

  #output = "";

  /**
   * @param {WebAssembly.Module} module
   * @param {typeof import("./wasm_exec.js").default} load
   */
  constructor(module, load) {
    /** @type {Program | undefined} */
    let program;
    /** @type {Border | undefined} */
    let border;
    const scope = this.#scope({
      ready: (/** @type {Program} */ p) => void (program = p),
      deliver: (/** @type {number} */ size) => border?.deliver(size),
      error: fromGo,
    });
    const Go = load(scope, { writeSync: (_fd, bytes) => this.#write(bytes) });
    const go = new Go();
    go.exit = (code) => this.#end(`it exited with code ${code}`);
    this.onEnd(() => {
      // A timer of Go would call the program, which has ended.
      for (const timer of go._scheduledTimeouts.values()) clearTimeout(timer);
      go._scheduledTimeouts.clear();
    });

    // After a trap Go must not run any more. Its sockets may still call it for a while.
    const resume = go._resume;
    go._resume = () => {
      if (this.ended) return;
      try {
        resume.call(go);
      } catch (cause) {
        this.#end("it trapped", cause);
      }
    };

    // run returns when the Go program waits for the first time. It calls ready before that.
    const running = new WebAssembly.Instance(module, go.importObject);
    border = new Border(/** @type {WebAssembly.Memory} */ (running.exports.mem), (err) => {
      if (!this.ended) reportError(err);
    });
    go.run(running).catch((cause) => this.#end("it trapped", cause));
    if (!program) {
      throw this.ended ?? new HisockError("load_failed", "hisock.wasm is not the program that this module goes with");
    }
    border.begin(program);
    this.native = nativeOf(this, border, program);
  }

  /**
   * Calls fn once when the program ends. The function that onEnd returns takes fn back.
   *
   * @param {(why: HisockError) => void} fn
   * @returns {() => void}
   */
  onEnd(fn) {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }

  /**
   * Returns the object that Go uses as the global object. It keeps the properties that Go sets. Go also sees the page's global
   * properties, without the names in hidden.
   *
   * @param {object} host
   */
  #scope(host) {
    const sockets = this.#sockets;
    class TrackedWebSocket extends WebSocket {
      /**
       * @param {string | URL} url
       * @param {string | string[]} [protocols]
       */
      constructor(url, protocols) {
        super(url, protocols ?? []);
        feed(this);
        sockets.add(this);
        this.addEventListener("close", () => sockets.delete(this), { once: true });
      }
    }
    /** @type {Map<Function, Function>} */
    const bound = new Map();
    return new Proxy(/** @type {object} */ ({ hisock: host, WebSocket: TrackedWebSocket }), {
      get(target, key) {
        if (Object.hasOwn(target, key) || hidden.has(String(key))) return Reflect.get(target, key);
        const value = Reflect.get(globalThis, key);
        if (typeof value !== "function" || Object.hasOwn(value, "prototype")) return value;
        // setTimeout and its like need the real global object as this.
        let f = bound.get(value);
        if (!f) bound.set(value, (f = value.bind(globalThis)));
        return f;
      },
    });
  }

  /** @param {Uint8Array} bytes */
  #write(bytes) {
    this.#output += new TextDecoder().decode(bytes.slice());
    const end = this.#output.lastIndexOf("\n");
    if (end >= 0) {
      console.error(this.#output.slice(0, end));
      this.#output = this.#output.slice(end + 1);
    }
    return bytes.length;
  }

  /**
   * @param {string} how
   * @param {unknown} [cause]
   */
  #end(how, cause) {
    if (this.ended) return;
    const why = new HisockError("crashed", `the Go program of this page is gone: ${how}, see the console`, { cause });
    this.ended = why;
    if (cause) console.error(why.message, cause);
    // Nobody else closes the sockets of the program.
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
    for (const fn of [...this.#watchers]) fn(why);
    this.#watchers.clear();
  }
}

/**
 * Makes a HisockError for Go.
 *
 * @param {number} code
 * @param {string} message
 * @param {boolean} remote
 * @param {number} retryAfter
 * @param {Uint8Array | undefined} details
 */
function fromGo(code, message, remote, retryAfter, details) {
  const err = new HisockError("internal", message, { remote, retryAfter, details: details && decodeDetails(details) });
  err.code = nameOf(code);
  return err;
}

/**
 * Returns a program behind a border as an engine.
 *
 * @param {Instance} inst
 * @param {Border} border
 * @param {Program} program
 * @returns {Native}
 */
function nativeOf(inst, border, program) {
  let last = 0;
  return {
    ...program,
    checkCommand: (command) => (valid.test(command) ? undefined : program.checkCommand(command)),
    connect(config, sink) {
      const id = ++last;
      // Bytes whose memory the page has given away would end the program, so it gets copies.
      const safe = { ...config, session: own(config.session), auth: config.auth && own(config.auth) };
      /** @type {BorderClient | undefined} undefined until program.connect has returned */
      let client;
      const unwatch = inst.onEnd((why) => client?.over(why));
      const methods = program.connect(safe, {
        ...sink,
        ended: (err) => {
          unwatch();
          client?.over(err);
          sink.ended(err);
        },
        streamEnded: (stream, why) => client?.streamEnded(stream, why),
        streamRefused: (stream, why) => client?.streamRefused(stream, why),
      }, id);
      if (methods && !(methods instanceof Error)) return (client = new BorderClient(border, id, sink, methods));
      unwatch();
      return /** @type {HisockError} */ (methods);
    },
  };
}
