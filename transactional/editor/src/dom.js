// Elements, made in one line.

// Attributes that are functions are listened with; `class`, `text` and data go in as they are.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key === "text") element.textContent = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

let sprite = "";

export function useIcons(url) {
  sprite = url;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

let lastId = 0;

export function newId(stem) {
  lastId += 1;
  return `${stem}-${lastId}`;
}

// Puts a floating element under (or above) a place in the window, and inside of it.
export function placeBelow(element, rect, { gap = 6 } = {}) {
  const { offsetWidth: width, offsetHeight: height } = element;
  const below = rect.bottom + gap;
  const isAbove = below + height > innerHeight - 8 && rect.top - gap - height > 8;
  element.style.left = `${Math.max(8, Math.min(rect.left, innerWidth - width - 8))}px`;
  element.style.top = `${isAbove ? rect.top - gap - height : Math.max(8, Math.min(below, innerHeight - height - 8))}px`;
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function keys(text) {
  return isMac ? text.replaceAll("Mod", "⌘").replaceAll("Alt", "⌥").replaceAll("Shift", "⇧") : text.replaceAll("Mod", "Ctrl");
}
