/** The handlers of what happens, as options of connect and as methods of a client. */
export const hooks = /** @type {const} */ ([
  "onRaw", "onMessage", "onState", "onError", "onClientConnect", "onClientDisconnect", "onClientRename",
  "onRename", "onJoinGroup", "onLeaveGroup", "onMissed", "onReplay", "onReplayed", "onUndelivered",
]);

/** @typedef {Uncapitalize<typeof hooks[number] extends `on${infer Name}` ? Name : never>} Hook the name of an event: onRaw is the handler of raw */

/** Returns the event of a handler. @param {typeof hooks[number]} name */
export const eventOf = (name) => /** @type {Hook} */ (name.charAt(2).toLowerCase() + name.slice(3));
