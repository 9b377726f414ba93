// How a client gives its session away, and how the client of another page goes on with it.

import { split } from "./log.js";
import { park, parkedSize, unpark } from "./parked.js";
import { handle } from "./receive.js";
import { kind, none } from "./wire.js";

/** @typedef {import("./book.js").Book} Book */
/** @typedef {import("./conn.js").Conn} Conn */
/** @typedef {import("./parked.js").Parked} Parked */

/** @param {Conn} conn @param {Book} book @param {number} lastCall @returns {Parked} */
const sessionOf = ({ id, token, name, groups, acks, missed, out, inbox }, book, lastCall) => ({
  id, token, name, groups: [...groups].sort(), received: acks.received, missed, dropped: 0, lastCall, acked: out.log.acked,
  inbox, outbox: out.log.bytes(), book,
});

/**
 * Returns the greatest length of the result of detach, in bytes. It is 0 if there is no session to give away.
 *
 * @param {Conn | undefined} conn
 * @param {Book} book
 * @param {number} lastCall
 */
export function sessionBytes(conn, book, lastCall) {
  if (!conn || conn.ended || !conn.out.log.keeps) return 0;
  return parkedSize(sessionOf(conn, book, lastCall)) + 80 * (conn.asked.size + conn.served.size + conn.streams.size);
}

/**
 * Gives up the calls under way, on both sides, and returns the session. The connection is abandoned.
 *
 * @param {Conn | undefined} conn
 * @param {Book} book
 * @param {number} lastCall
 * @param {boolean} bye the server is told, and ends the session
 */
export function detach(conn, book, lastCall, bye) {
  if (!conn || sessionBytes(conn, book, lastCall) === 0) return undefined;
  conn.served.park();
  for (const [id, { k }] of [...conn.asked]) if (k === kind.request) conn.cancel(Number(id));
  conn.streams.park();
  const session = park(sessionOf(conn, book, lastCall));
  if (bye) conn.leave();
  conn.abandon();
  return session;
}

/**
 * Reads a session that a client has given away.
 *
 * @param {import("./client.js").EngineClient} client that is to go on with the session
 * @param {Uint8Array} session empty if there is none
 */
export function unparkFor(client, session) {
  if (session.length === 0) return undefined;
  const parked = unpark(session);
  if (parked) client.book = parked.book;
  else client.sink.warn("hisock: a detached session is damaged or of another version: the client joins anew");
  return parked;
}

/**
 * Lets a connection go on with a session.
 *
 * @param {Conn} conn
 * @param {Parked} parked
 * @param {import("./numbers.js").Num} received the number of this side's frames that the server has. The attempt has checked it
 */
export function goOn(conn, parked, received) {
  conn.name = parked.name;
  conn.groups = new Set(parked.groups);
  conn.acks.received = parked.received;
  conn.missed = parked.missed;
  conn.inbox = parked.inbox;
  conn.client.restoreCalls(parked.lastCall);
  conn.out.log.restore(parked.acked, parked.outbox, [...split(parked.outbox)].length);
  conn.out.log.resume(received);
}

/** Reports whether a server that has received frames can go on with a session. @param {Parked} s @param {import("./numbers.js").Num} received */
export const fits = (s, received) => s.acked <= received && received <= s.acked + [...split(s.outbox)].length;

/**
 * Handles the frames that the former page had received and not handled. It had applied the statements: each has the
 * former name after its own.
 *
 * @param {Conn} conn
 */
export function handleInbox(conn) {
  const { inbox } = conn;
  conn.inbox = none;
  for (const { k, body } of split(inbox)) {
    if (k !== kind.joinGroup && k !== kind.leaveGroup && k !== kind.rename) {
      handle(conn, k, body);
      continue;
    }
    const [name, old] = [body.bytes(), body.rest()].map((b) => new TextDecoder().decode(b));
    if (k === kind.rename) conn.sink.changed("rename", old ?? "", name ?? "");
    else conn.sink.changed(k === kind.joinGroup ? "joinGroup" : "leaveGroup", name ?? "", "");
  }
}
