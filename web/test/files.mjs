// Shared parts of the tests of examples/files: the program, and its page.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./harness.mjs";
import { go, root, scratchFolder, start, until } from "./programs.mjs";

const scratch = await scratchFolder("files");
const program = join(scratch, "files");
await go(root, "build", "-o", program, "./examples/files");

let folders = 0;

/** Makes a folder that is removed when the tests of a file are over. */
export async function newFolder() {
  const dir = join(scratch, String(folders++));
  await mkdir(dir);
  return dir;
}

/** Starts a server of a folder, on a free port or on the address given. */
export async function startFiles(t, { dir, http = "127.0.0.1:0", more = [] } = {}) {
  dir ??= await newFolder();
  const server = start(t, program, ["-dir", dir, "-tcp", "", "-http", http, "-bundle", bundle, ...more]);
  await server.says("serving");
  return Object.assign(server, { dir, http: server.out.match(/http:\/\/[^\]]+/)[0] });
}

/** The text of an element, with plain spaces. */
export const textOf = async (locator) => (await locator.textContent()).replaceAll("\u00a0", " ");

/** The page in a tab. */
export function tabOf(page) {
  const transfers = page.getByRole("region", { name: "Transfers" }).getByRole("listitem");
  return {
    page,
    status: page.getByRole("status"),
    folder: page.getByRole("region", { name: /In the folder/ }).getByRole("listitem"),
    transfers,
    /** The transfer of a file. */
    of: (name) => transfers.filter({ hasText: name }),
    choose: (...paths) => page.getByLabel("Choose files").setInputFiles(paths),
    press: (what, name) => page.getByRole("button", { name: `${what} ${name}`, exact: true }).click(),
    connected: () => until("the tab is connected", async () => (await page.getByRole("status").textContent()) === "Connected"),
    /** Waits until a transfer has come so far, from 0 to 1. */
    reaches: (name, share) => until(`${name} has come to ${share}`, async () => Number(await page.getByRole("progressbar", { name: new RegExp(name) }).getAttribute("value")) >= share),
    is: (name, state) => transfers.filter({ hasText: name }).and(page.locator(`[data-state=${state}]`)).waitFor(),
  };
}
