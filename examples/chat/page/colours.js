// What tells people apart beside their names: a colour and an initial, always the same for the same name.

/** Returns the hue of a name's colour, in degrees. */
function hueOf(name) {
  let hash = 0;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 997;
  return (hash * 137) % 360;
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
