// Numbers and errors in words for people.

/** A number of bytes. */
export function amount(n) {
  if (n < 1000) return `${n}\u00a0B`;
  for (const unit of ["kB", "MB", "GB", "TB"]) {
    n /= 1000;
    if (n < 999.95 || unit === "TB") return `${n.toFixed(1)}\u00a0${unit}`;
  }
}

/** A time in seconds, about. */
export function duration(s) {
  if (s < 60) return `${Math.max(1, Math.round(s))}\u00a0s`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return `${minutes}\u00a0min`;
  return `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
}

/** Why something has failed. */
export function reason(why) {
  switch (why?.code ?? why?.name) {
    case "shutdown":
      return "The server has stopped.";
    case "conn_lost":
    case "heartbeat":
    case "write_timeout":
      return "The connection to the server was lost.";
    case "not_connected":
      return "The server cannot be reached. Is it running?";
    case "load_failed":
      return "The page could not be loaded from the server. Is it running?";
    case "name_taken":
      return "There is another file of that name in the folder. Rename yours to send it.";
    case "replaced":
      return "Somebody sends a file of that name now.";
    case "too_big":
      return "The file is bigger than the server allows.";
    case "bad_payload":
      return "The file was damaged on its way. It must be sent anew.";
    case "NotReadableError":
    case "NotFoundError":
      return "The file cannot be read. Has it been changed, moved or deleted?";
    case "QuotaExceededError":
      return "There is no room for the file in this browser.";
  }
  const text = why?.message ?? "";
  if (!text) return "Something went wrong.";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
