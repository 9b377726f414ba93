// The bundle's wasm_exec.js: Go's own support file, wrapped in a function by whoever
// builds the bundle, so that it sees the global object and the fs that it is given.

export interface Go {
  importObject: WebAssembly.Imports;
  exit: (code: number) => void;
  run(instance: WebAssembly.Instance): Promise<void>;
  _resume(): void;
  _scheduledTimeouts: Map<number, number>;
}

export default function load(
  globalThis: object,
  fs: { writeSync(fd: number, bytes: Uint8Array): number },
): new () => Go;
