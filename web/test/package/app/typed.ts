// What a program in TypeScript sees of the package.

import { connect, type Client, type HisockError } from "hisock";
import { download, type Target } from "hisock/files";
import { connect as connectJS } from "hisock/js";
import { connect as connectWasm } from "hisock/wasm";

export const clients: Promise<Client>[] = [connect("/ws"), connectJS("/ws"), connectWasm("/ws")];
export const code = (err: HisockError): string | number => err.code;
export const file = (target: Target) => connect("/ws").then((client) => download(client, "file", "name", target));
// @ts-expect-error There is no such option.
export const wrong = connectJS("/ws", { nam: "ada" });
