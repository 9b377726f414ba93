// Runs browser tests: node test/run.mjs [FILE]... All files share one build of the server's program and of the bundle. Two more files
// run at a time than there are processors, since pages and servers often wait for each other, or for the time.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "./programs.mjs";

const here = import.meta.dirname;
const suffix = ".test.mjs";

/** The files that take longest, the longest first: at the end no file should run alone. */
const first = ["chat", "keep", "life", "retry", "package", "playground", "engines", "messages", "files", "network", "streams"];

const place = (name) => (first.includes(name) ? first.indexOf(name) : first.length);

async function allFiles() {
  const names = (await readdir(here)).filter((file) => file.endsWith(suffix)).map((file) => file.slice(0, -suffix.length));
  return names.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1)).map((name) => join(here, name + suffix));
}

const dir = await mkdtemp(join(tmpdir(), "hisock-browser-"));
try {
  await build(dir);
  const files = process.argv.length > 2 ? process.argv.slice(2) : await allFiles();
  const tests = spawn(process.execPath, ["--test", "--test-timeout=300000", `--test-concurrency=${availableParallelism() + 2}`, ...files], {
    cwd: dirname(here), env: { ...process.env, HISOCK_BUILT: dir }, stdio: "inherit",
  });
  const [code] = await once(tests, "exit");
  process.exitCode = code ?? 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}
