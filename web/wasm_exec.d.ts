// The bundle's wasm_exec.js: Go's own support file, which the build of the bundle wraps in a function. The arguments
// of the function take the place of the global object and of its fs.

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

/** The id of the build that this file is of. */
export const build: string;
