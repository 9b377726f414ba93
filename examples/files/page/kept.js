// What this tab remembers of its transfers over a reload.

import { StoredTarget } from "/hisock/files.js";
import { canStore, Transfer } from "./transfer.js";

const key = "transfers";

/** Remembers the transfers that are not over. */
export function keep(transfers) {
  const open = transfers.filter(({ state }) => state !== "done");
  sessionStorage.setItem(key, JSON.stringify(open.map(({ way, name, size, done, state, why }) => ({ way, name, size, done, state, why }))));
}

/** Returns the transfers of the page before, and those whose parts are in the storage. goOn are those that were running. */
export async function recall() {
  const transfers = [];
  const goOn = [];
  const stored = canStore ? await StoredTarget.list() : [];
  for (const { way, name, size, done, state, why } of JSON.parse(sessionStorage.getItem(key) ?? "[]")) {
    const t = new Transfer(way, name, size);
    const part = stored.find((s) => s.name === name);
    t.done = way === "up" ? done : (part?.size ?? 0);
    transfers.push(t);
    if (way === "up") continue; // the file must be chosen again
    if (state === "running" || state === "waiting") goOn.push(t);
    else Object.assign(t, { state, why });
  }
  for (const { name, size, whole } of stored) {
    if (transfers.some((t) => t.way === "down" && t.name === name)) continue;
    const t = new Transfer("down", name, whole ? size : undefined);
    Object.assign(t, { done: size, state: whole ? "done" : "paused" });
    transfers.push(t);
  }
  return { transfers, goOn };
}
