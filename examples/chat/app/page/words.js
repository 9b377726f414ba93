// Failures in words for the user.

/** Returns why the connection has ended, or could not be made, to a user who has asked for a name. */
export function reason(why, asked) {
  if (why === null) return "You have left.";
  switch (why.code) {
    case "shutdown":
      return "The server has stopped.";
    case "name_taken":
      return `Somebody here is called “${asked}” already. Choose another name.`;
    case "bad_name":
      if (why.remote) break; // the server has words for it
      return "A name may not have invisible characters in it.";
    case "replaced":
      return `Somebody else is called “${asked}” now.`;
    case "unavailable":
      return "This node of the chat is cut off from the others just now.";
    case "too_many_conns":
      return "The chat is full. Try again later.";
    case "conn_lost":
    case "heartbeat":
    case "write_timeout":
      return "The connection to the server was lost.";
    case "not_connected":
      return "The server cannot be reached. Is it running?";
    case "deadline_exceeded":
      return "The server does not answer.";
    case "load_failed":
      return "The chat could not be loaded from the server. Is it running?";
    case "crashed":
      return "The chat has crashed in this tab.";
  }
  return sentence(why.message) || "Something went wrong.";
}

/** What is said to those at a node that is cut off from the other nodes of its cluster. */
export const cutOff = "This node is cut off from the others. Messages wait until it is back.";

function sentence(text) {
  if (!text) return "";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
