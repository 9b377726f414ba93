// What tells people apart beside their names: a colour and an initial, always the same for the same name.

/** Returns the hue of a name's colour, in degrees: one of 24, which are far enough apart to be told apart. */
function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const c of name) hash = Math.imul(hash ^ c.codePointAt(0), 0x01000193); // FNV-1a
  return ((hash >>> 8) % 24) * 15;
}

/** Gives an element, and what is in it, the colour of a name. */
export function colour(e, name) {
  e.style.setProperty("--hue", String(hueOf(name)));
}

/** Creates a disc with the initial of a name, in the colour of the element that it is put into. */
export function badge(name) {
  const disc = document.createElement("span");
  disc.className = "badge";
  disc.textContent = [...name][0]?.toUpperCase() ?? "";
  disc.setAttribute("aria-hidden", "true");
  return disc;
}
