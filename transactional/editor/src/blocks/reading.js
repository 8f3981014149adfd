// From a body to the document that the editor shows. It is strict: an element is read
// only if everything about it can be written again; all else stays, letter by letter, in
// an HTML block. Every part at the top remembers its source, and one that nobody touched
// is written as it was.

import { withoutStyles } from "./pasting.js";
import { protect, scan } from "./scanning.js";

export const COLOR = /^#[0-9a-f]{6}$/i;
const ALIGN = /^\s*text-align:\s*(left|center|right)\s*;?\s*$/i;
const TEXT_COLOR = /^\s*color:\s*(#[0-9a-f]{6})\s*;?\s*$/i;
const MARKS = { strong: "bold", b: "bold", em: "italic", i: "italic", u: "underline", s: "strike", strike: "strike", del: "strike", code: "code" };
const INLINE = new Set([...Object.keys(MARKS), "a", "span", "br"]);
const LINK_ATTRIBUTES = ["href", "title", "target", "rel"];
const SIDES = ["left", "center", "right"];

// Thrown where something cannot be written again.
class Foreign extends Error {}

// Returns [{node, source}]: JSON of nodes, and what each of them was in the body.
export function read(body) {
  const source = protect(body);
  const found = blocksOf(source.text, source);
  return found.map(({ node, text }) => ({ node, source: source.restore(text) }));
}

function blocksOf(text, source) {
  const found = [];
  // White space and other parts in a row, and then the run of words they lead to.
  let run = [];
  const endRun = () => {
    if (run.length) found.push(...runOf(run, source));
    run = [];
  };
  for (const part of scan(text)) {
    if (part.type === "text" || (INLINE.has(part.name) && !isButton(part))) {
      run.push(part);
      continue;
    }
    endRun();
    found.push({ node: blockOf(part, source), text: part.source });
  }
  endRun();
  return withSpace(found);
}

// White space belongs to what comes after it; at the end, to what came before.
function withSpace(found) {
  const kept = [];
  let space = "";
  for (const item of found) {
    if (!item.node) {
      space += item.text;
      continue;
    }
    kept.push({ node: item.node, text: space + item.text });
    space = "";
  }
  if (space && kept.length) kept[kept.length - 1].text += space;
  return kept;
}

// Words without an element around them: tags alone are lines of logic, the rest is a
// paragraph that is written bare.
function runOf(run, source) {
  const text = run.map((part) => part.source).join("");
  if (!text.trim()) return [{ node: null, text }];
  const pieces = text.split(new RegExp(`(${source.mark.source})`)).filter((piece, index) => index % 3 !== 2 && piece);
  const isLogic = pieces.every((piece) => !piece.trim() || source.restore(piece).startsWith("{%"));
  if (isLogic) {
    return pieces.map((piece) => ({ node: piece.trim() ? { type: "logicLine", attrs: { source: source.restore(piece) } } : null, text: piece }));
  }
  return [{ node: attempt(() => paragraph(text, source, { bare: true }), text, source), text }];
}

function attempt(make, text, source) {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Foreign)) throw error;
    return { type: "raw", attrs: { html: source.restore(text), wrapped: false } };
  }
}

function blockOf(part, source) {
  return attempt(() => {
    if (part.type !== "element") throw new Foreign("no element");
    const reader = Object.hasOwn(BLOCKS, part.name) && BLOCKS[part.name];
    if (!reader) throw new Foreign(part.name);
    return reader(part, source);
  }, part.source, source);
}

const heading = (level) => (part, source) => textBlock(part, source, { type: "heading", attrs: { level } });

const BLOCKS = {
  p: (part, source) => textBlock(part, source, { type: "paragraph", attrs: {} }),
  h1: heading(1),
  h2: heading(2),
  h3: heading(3),
  ul: (part, source) => list(elementOf(part, source), source),
  ol: (part, source) => list(elementOf(part, source), source),
  blockquote: quote,
  pre,
  hr(part, source) {
    only(elementOf(part, source), []);
    return { type: "horizontalRule" };
  },
  img: image,
  a: button,
  div: division,
};

// -- reading one element ------------------------------------------------------------------
function parse(html) {
  return new DOMParser().parseFromString(`<!doctype html><body>${withoutStyles(html)}`, "text/html").body;
}

function elementOf(part) {
  if (/\sdata-style/i.test(part.source)) throw new Foreign("data-style");
  const body = parse(part.source);
  if (body.childNodes.length !== 1) throw new Foreign("not one element");
  return body.firstChild;
}

function only(element, allowed) {
  for (const { name } of element.attributes) if (!allowed.includes(name)) throw new Foreign(name);
}

function attribute(element, name, source) {
  const value = element.getAttribute(name);
  return value === null ? null : source.restore(value);
}

function matching(element, name, pattern) {
  const value = element.getAttribute(name);
  if (value === null) return null;
  if (!pattern.test(value)) throw new Foreign(name);
  return value;
}

function alignOf(element) {
  const style = element.getAttribute("data-style");
  if (style === null) return null;
  const align = ALIGN.exec(style)?.[1].toLowerCase();
  if (!align) throw new Foreign("style");
  return align === "left" ? null : align;
}

function textBlock(part, source, node) {
  const element = elementOf(part, source);
  only(element, ["data-style"]);
  node.attrs.align = alignOf(element);
  return { ...node, content: inline(element, source) };
}

function paragraph(text, source, attrs) {
  return { type: "paragraph", attrs, content: inline(parse(text), source) };
}

function list(element, source) {
  only(element, element.localName === "ol" ? ["start"] : []);
  const items = [];
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      items.push(...listLogic(child.data, source));
      continue;
    }
    if (child.localName !== "li") throw new Foreign("in a list");
    only(child, []);
    items.push({ type: "listItem", content: itemContent(child, source) });
  }
  if (!items.length) throw new Foreign("an empty list");
  if (element.localName === "ul") return { type: "bulletList", content: items };
  const start = Number(element.getAttribute("start") ?? 1);
  if (!Number.isSafeInteger(start)) throw new Foreign("start");
  return { type: "orderedList", attrs: { start }, content: items };
}

// Between its items a list has tags, and no words.
function listLogic(text, source) {
  return pieces(text, [], source).flatMap(({ type, attrs, text: words }) => {
    if (type === "text" && !words.trim()) return [];
    if (type !== "logic") throw new Foreign("between items");
    return [{ type: "listLogic", attrs }];
  });
}

// Words, then lists within; or paragraphs and lists.
function itemContent(item, source) {
  const content = [];
  let words = document.createElement("p");
  const flush = () => {
    const hasWords = words.textContent.trim() || words.querySelector("br");
    if (hasWords || (!content.length && !item.querySelector(":scope > p"))) content.push({ type: "paragraph", content: inline(words, source) });
    words = document.createElement("p");
  };
  for (const child of [...item.childNodes]) {
    if (child.localName === "ul" || child.localName === "ol") {
      flush();
      content.push(list(child, source));
    } else if (child.localName === "p") {
      if (words.textContent.trim()) flush();
      only(child, ["data-style"]);
      content.push({ type: "paragraph", attrs: { align: alignOf(child) }, content: inline(child, source) });
    } else words.append(child.cloneNode(true));
  }
  if (words.textContent.trim() || !content.length) flush();
  if (content[0].type !== "paragraph") content.unshift({ type: "paragraph" });
  return content;
}

const QUOTED = ["paragraph", "heading", "bulletList", "orderedList"];

function quote(part, source) {
  only(parse(part.source).firstChild, []);
  const content = blocksOf(part.inner, source).map(({ node }) => node);
  if (!content.length) content.push({ type: "paragraph" });
  if (content.some(({ type }) => !QUOTED.includes(type))) throw new Foreign("in a quote");
  return { type: "blockquote", content: content.map(framed) };
}

// Within a block a paragraph is always written with its tags.
function framed(node) {
  return node.attrs?.bare ? { ...node, attrs: { ...node.attrs, bare: false } } : node;
}

function pre(part, source) {
  const element = elementOf(part, source);
  const code = element.firstElementChild;
  only(element, []);
  if (element.childNodes.length !== 1 || code?.localName !== "code" || code.childElementCount) throw new Foreign("no code");
  only(code, []);
  const text = source.restore(code.textContent);
  return { type: "codeBlock", content: text ? [{ type: "text", text }] : [] };
}

function sideOf(element) {
  const side = element.getAttribute("data-align");
  if (side !== null && !SIDES.includes(side)) throw new Foreign("data-align");
  return side;
}

function whole(element, name, least, most) {
  const value = element.getAttribute(name);
  if (value === null) return null;
  if (!/^\d+$/.test(value) || Number(value) < least || Number(value) > most) throw new Foreign(name);
  return Number(value);
}

function image(part, source) {
  const element = elementOf(part, source);
  only(element, ["src", "alt", "width", "data-align", "data-href"]);
  return {
    type: "image",
    attrs: {
      src: attribute(element, "src", source) ?? "",
      alt: attribute(element, "alt", source) ?? "",
      width: whole(element, "width", 1, 1200),
      align: sideOf(element),
      href: attribute(element, "data-href", source),
    },
  };
}

function isButton(part) {
  return part.name === "a" && /\bdata-block\s*=\s*["']?button/i.test(part.tag ?? "");
}

function button(part, source) {
  const element = elementOf(part, source);
  only(element, ["data-block", "href", "data-color", "data-align"]);
  return {
    type: "button",
    attrs: {
      href: attribute(element, "href", source) ?? "",
      color: matching(element, "data-color", COLOR),
      align: sideOf(element),
    },
    content: words(element, source),
  };
}

// Text and variables, and nothing else.
function words(element, source) {
  const content = inline(element, source);
  if (content.some(({ type, marks }) => marks || type === "hardBreak")) throw new Foreign("in a button");
  return content;
}

function percent(element, source) {
  const value = attribute(element, "data-percent", source);
  if (!/^(?:\d{1,2}|100|\{\{[\s\S]+\}\})$/.test(value ?? "")) throw new Foreign("data-percent");
  return value;
}

const DIVISIONS = {
  columns(part, element, source) {
    only(element, ["data-block"]);
    const parts = scan(part.inner).filter(({ type, source: text }) => type !== "text" || text.trim());
    if (parts.length < 2 || parts.length > 3) throw new Foreign("columns");
    return { type: "columns", content: parts.map((inside) => column(inside, source)) };
  },
  progress(part, element, source) {
    only(element, ["data-block", "data-percent", "data-color"]);
    if (element.childNodes.length) throw new Foreign("in progress");
    return { type: "progress", attrs: { percent: percent(element, source), color: matching(element, "data-color", COLOR) } };
  },
  spacer(part, element) {
    only(element, ["data-block", "data-height"]);
    if (element.childNodes.length) throw new Foreign("in a spacer");
    return { type: "spacer", attrs: { height: whole(element, "data-height", 1, 400) ?? 24 } };
  },
  html(part, element, source) {
    only(element, ["data-block"]);
    return { type: "raw", attrs: { html: source.restore(part.inner), wrapped: true } };
  },
};

function division(part, source) {
  const element = parse(part.tag).firstChild;
  const kind = element.getAttribute("data-block");
  const reader = Object.hasOwn(DIVISIONS, kind) && DIVISIONS[kind];
  if (!reader) throw new Foreign("div");
  return reader(part, kind === "columns" || kind === "html" ? element : elementOf(part), source);
}

function column(part, source) {
  const element = part.tag && parse(part.tag).firstChild;
  if (part.name !== "div" || element.getAttribute("data-block") !== "column") throw new Foreign("column");
  only(element, ["data-block"]);
  const content = blocksOf(part.inner, source).map(({ node }) => framed(node));
  if (content.some(({ type }) => type === "columns")) throw new Foreign("columns in columns");
  return { type: "column", content: content.length ? content : [{ type: "paragraph" }] };
}

// -- words and their marks ----------------------------------------------------------------
function inline(element, source) {
  const found = [];
  collect(element, [], found, source);
  return trimmed(found);
}

function collect(element, marks, found, source) {
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) found.push(...pieces(child.data, marks, source));
    else if (child.nodeType !== Node.ELEMENT_NODE) throw new Foreign("a comment");
    else if (child.localName === "br") {
      only(child, []);
      found.push(marked({ type: "hardBreak" }, marks));
    } else collect(child, withMark(marks, markOf(child, source)), found, source);
  }
}

function marked(node, marks) {
  return marks.length ? { ...node, marks } : node;
}

function withMark(marks, mark) {
  if (marks.some(({ type }) => type === mark.type)) {
    if (mark.type === "link" || mark.type === "color") throw new Foreign("one in another");
    return marks;
  }
  return [...marks, mark];
}

function markOf(element, source) {
  const { localName } = element;
  if (Object.hasOwn(MARKS, localName)) {
    only(element, []);
    return { type: MARKS[localName] };
  }
  if (localName === "a" && !element.hasAttribute("data-block") && element.hasAttribute("href")) {
    only(element, LINK_ATTRIBUTES);
    return { type: "link", attrs: Object.fromEntries(LINK_ATTRIBUTES.map((name) => [name, attribute(element, name, source)])) };
  }
  if (localName === "span") {
    only(element, ["data-style"]);
    const color = TEXT_COLOR.exec(element.getAttribute("data-style") ?? "")?.[1];
    if (color) return { type: "color", attrs: { color } };
  }
  throw new Foreign(localName);
}

function pieces(text, marks, source) {
  const found = [];
  text.split(new RegExp(source.mark.source)).forEach((piece, index) => {
    if (index % 2) {
      const liquid = source.at(piece);
      found.push(marked({ type: liquid.startsWith("{{") ? "variable" : "logic", attrs: { source: liquid } }, marks));
    } else if (piece) found.push(marked({ type: "text", text: piece.replace(/[ \t\r\n\f]+/g, " ") }, marks));
  });
  return found;
}

// White space at the ends of a block and around breaks is not there for a reader, nor is
// a second space in a row.
function trimmed(nodes) {
  const kept = [];
  let isAfterSpace = true;
  for (const node of nodes) {
    if (node.type !== "text") {
      if (node.type === "hardBreak") trimEnd(kept);
      isAfterSpace = node.type === "hardBreak";
      kept.push(node);
      continue;
    }
    const text = isAfterSpace ? node.text.replace(/^ /, "") : node.text;
    if (!text) continue;
    isAfterSpace = text.endsWith(" ");
    kept.push({ ...node, text });
  }
  trimEnd(kept);
  return kept;
}

function trimEnd(nodes) {
  const last = nodes.at(-1);
  if (last?.type !== "text" || !last.text.endsWith(" ")) return;
  nodes.pop();
  if (last.text !== " ") nodes.push({ ...last, text: last.text.slice(0, -1) });
}
