// HTML from elsewhere. The page's policy forbids inline styles, in a parsed text too, so
// they are put aside before parsing, and what they say is said in tags.

const TAG = /<[a-zA-Z][^\s/>]*(?:"[^"]*"|'[^']*'|[^'">])*>/g;
const ATTRIBUTE = /(\s)style(?=\s*=\s*["'\w])|"[^"]*"|'[^']*'/gi;

export function withoutStyles(html) {
  return html.replace(TAG, (tag) => tag.replace(ATTRIBUTE, (found, space) => (space ? `${space}data-style` : found)));
}

const SAYS = [
  ["strong", ({ fontWeight }) => fontWeight === "bold" || Number(fontWeight) >= 600],
  ["em", ({ fontStyle }) => fontStyle === "italic"],
  ["u", ({ textDecorationLine, textDecoration }) => /underline/.test(textDecorationLine || textDecoration)],
  ["s", ({ textDecorationLine, textDecoration }) => /line-through/.test(textDecorationLine || textDecoration)],
];

// Returns pasted HTML whose looks are tags and data attributes.
export function cleaned(html) {
  const { body } = new DOMParser().parseFromString(withoutStyles(html), "text/html");
  for (const element of body.querySelectorAll("style, script, meta, link, title")) element.remove();
  for (const element of [...body.querySelectorAll("[data-style]")]) say(element);
  return body.innerHTML;
}

function say(element) {
  const { style } = document.createElement("span");
  style.cssText = element.dataset.style;
  element.removeAttribute("data-style");
  if (style.textAlign) element.dataset.textAlign = style.textAlign;
  if (style.color) element.dataset.textColor = style.color;
  const isLink = element.localName === "a" || element.closest("a");
  if (isLink) delete element.dataset.textColor;
  // A word processor's way of saying that nothing of it is bold.
  if (/^(b|strong)$/.test(element.localName) && /^(normal|400)$/.test(style.fontWeight)) {
    element.replaceWith(...element.childNodes);
    return;
  }
  if (element.localName !== "span") return;
  for (const [name, isSaid] of SAYS) {
    if (!isSaid(style) || (isLink && name === "u")) continue;
    const wrapper = document.createElement(name);
    wrapper.append(...element.childNodes);
    element.append(wrapper);
  }
}
