// How a connection handles each frame.

import { HisockError } from "../errors.js";
import { fromServer, goodbye } from "./fault.js";
import { tooManyGroups } from "./link.js";
import { maxCommand, maxName, nameFault, encoder } from "./names.js";
import { readFailure, readName, readPresence, readRenamed, readReplay } from "./read.js";
import { isCounted, kind } from "./wire.js";

/** @typedef {import("./conn.js").Conn} Conn */
/** @typedef {import("./read.js").Cursor} Cursor */

/**
 * Handles the frames that have come. It throws if a frame breaks the protocol.
 *
 * @param {Conn} conn
 * @param {import("./splitter.js").Splitter} from
 */
export function receive(conn, from) {
  while (conn.link && from.next()) {
    const k = from.kind;
    if (conn.ended) {
      // Only the server's acks are still of interest.
      if (k === kind.ack) conn.out.gotAck(numberOnly(from.body()));
      continue;
    }
    if (isCounted(k)) conn.acks.received++;
    handle(conn, k, from.body());
  }
}

/**
 * Handles one frame.
 *
 * @param {Conn} conn
 * @param {number} k
 * @param {Cursor} c
 */
export function handle(conn, k, c) {
  switch (k) {
    case kind.command:
      command(conn, c, false);
      break;
    case kind.reply:
      conn.answered(c.number(), undefined, c.rest().slice());
      break;
    case kind.raw:
      conn.sink.raw(c.rest().slice(), false);
      break;
    case kind.request:
      request(conn, c);
      break;
    case kind.failure: {
      const id = c.number();
      conn.answered(id, fromServer(readFailure(c)), undefined);
      break;
    }
    case kind.cancel:
      conn.served.cancel(numberOnly(c));
      break;
    case kind.groupCommand:
    case kind.groupRaw:
    case kind.groupPassed:
      toGroup(conn, k, c);
      break;
    case kind.replay:
    case kind.replayEnd:
      replay(conn, k, c);
      break;
    case kind.joinGroup:
    case kind.leaveGroup:
    case kind.rename:
      statement(conn, k, readName(c));
      break;
    case kind.joined:
    case kind.left: {
      const { name, groups, address } = readPresence(c);
      if (conn.client.notices) conn.sink.notice(k === kind.joined ? "clientConnect" : "clientDisconnect", name, groups, address, "");
      break;
    }
    case kind.renamed: {
      const { old, name, address } = readRenamed(c);
      if (conn.client.notices) conn.sink.notice("clientRename", name, [], address, old);
      break;
    }
    case kind.stream:
    case kind.streamItem:
    case kind.streamPart:
    case kind.streamCredit:
    case kind.streamEnd:
      conn.streams.received(k, c);
      break;
    case kind.ping:
      conn.gotPing(numberOnly(c));
      break;
    case kind.pong: {
      const nonce = numberOnly(c);
      if (typeof nonce === "bigint" && nonce >> 62n === 1n) conn.streams.answered(nonce);
      else {
        conn.out.gotPong(nonce);
        conn.streams.superseded();
      }
      break;
    }
    case kind.ack:
      conn.out.gotAck(numberOnly(c));
      break;
    case kind.missed:
      missed(conn, numberOnly(c));
      break;
    case kind.goodbye:
      conn.end(fromServer(c.goodbye()), {});
      break;
    case kind.hello:
    case kind.welcome:
    case kind.refuse:
    case kind.askJoin:
    case kind.askLeave:
    case kind.askRename:
      throw new HisockError("protocol", `a frame of kind ${k} from a server`);
  }
}

/** @param {Cursor} c */
function numberOnly(c) {
  const v = c.number();
  c.done();
  return v;
}

/**
 * @param {Conn} conn
 * @param {Cursor} c at the name
 * @param {boolean} replayed
 */
function command(conn, c, replayed) {
  const end = c.span();
  const name = conn.client.names.get(c.b, c.at, end);
  const size = end - c.at;
  c.at = end;
  if (name === undefined || size > maxCommand) {
    conn.warn("bad name", new HisockError("bad_name", `a command whose name of ${size} B cannot be`));
    return;
  }
  conn.sink.command(name, c.rest().slice(), replayed);
}

/**
 * @param {Conn} conn
 * @param {Cursor} c
 */
function request(conn, c) {
  const id = c.number();
  const end = c.span();
  const name = conn.client.names.get(c.b, c.at, end);
  const size = end - c.at;
  c.at = end;
  if (name === undefined || size > maxCommand) {
    conn.served.refuse(id, goodbye("bad_name", `the name of a call, of ${size} B, cannot be`));
    return;
  }
  const page = conn.served.add(id);
  if (page !== undefined) conn.sink.called(page, name, c.rest().slice());
}

/**
 * @param {Conn} conn
 * @param {number} k
 * @param {Cursor} c
 */
function toGroup(conn, k, c) {
  const end = c.span();
  const group = conn.client.names.get(c.b, c.at, end);
  c.at = end;
  const number = c.positive();
  if (k === kind.groupPassed) c.done();
  const replayed = conn.client.book.got(group, number);
  if (replayed === undefined) return; // the message comes twice
  if (k === kind.groupCommand) command(conn, c, replayed);
  else if (k === kind.groupRaw) conn.sink.raw(c.rest().slice(), replayed);
}

/**
 * @param {Conn} conn
 * @param {number} k
 * @param {Cursor} c
 */
function replay(conn, k, c) {
  const { book } = conn.client;
  let group;
  if (k === kind.replay) {
    const r = readReplay(c, maxName);
    group = r.group;
    const { messages, missed: n, lost } = book.begin(r, conn.groups.has(group));
    conn.sink.replay("replay", group, messages, n, lost);
    if (r.count > 0) return; // the end is a frame of its own
  } else {
    group = readName(c);
  }
  const told = book.end(group);
  if (told) conn.sink.replay("replayed", group, told.messages, told.missed, told.lost);
}

/**
 * Applies a statement about the client's name or groups.
 *
 * @param {Conn} conn
 * @param {number} k
 * @param {string} name
 */
function statement(conn, k, name) {
  const why = name === "" && k === kind.rename ? "" : nameFault(name, encoder.encode(name).length, maxName);
  if (why) throw new HisockError("bad_name", why);
  if (k === kind.rename) {
    const old = conn.name;
    if (old === name) return;
    conn.name = name;
    conn.sink.changed("rename", old, name);
  } else if (k === kind.joinGroup) {
    if (conn.groups.has(name)) return;
    if (conn.groups.size >= conn.maxGroups) throw tooManyGroups(conn.maxGroups);
    conn.groups.add(name);
    conn.sink.changed("joinGroup", name, "");
  } else if (conn.groups.delete(name)) {
    conn.client.book.leave(name);
    conn.sink.changed("leaveGroup", name, "");
  }
}

/**
 * @param {Conn} conn
 * @param {import("./numbers.js").Num} total
 */
function missed(conn, total) {
  if (total <= conn.missed) return; // the server has said so before
  const news = Number(BigInt(total) - BigInt(conn.missed));
  conn.missed = total;
  conn.sink.missed(news);
}
