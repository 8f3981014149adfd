// From the document in the editor to the body that is saved. A block that nobody touched
// is written as it was read.

const LIQUID = /(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/;
// From the outside in.
const ORDER = ["link", "bold", "italic", "underline", "strike", "color", "code"];
const TAGS = { bold: "strong", italic: "em", underline: "u", strike: "s", code: "code" };

// Returns {body, starts}: at which character each block at the top begins. `sources`
// knows of each node that was read its text and the node before it.
export function write(doc, sources) {
  const starts = [];
  let body = "";
  let previous = null;
  doc.forEach((node) => {
    const known = sources?.get(node);
    const isInPlace = known && known.before === previous;
    const isAfterBare = Boolean(previous?.attrs.bare);
    const text = isInPlace ? known.text : known && !(node.attrs.bare && isAfterBare) ? known.text.trim() : block(node, isAfterBare);
    if (previous && !isInPlace) body += "\n";
    starts.push(body.length + (text.length - text.trimStart().length));
    body += text;
    previous = node;
  });
  return { body, starts };
}

function block(node, isAfterBare) {
  return WRITERS[node.type.name](node, isAfterBare);
}

const side = (align) => (align ? ` style="text-align:${align}"` : "");
const data = (name, value) => (value === null || value === undefined || value === "" ? "" : ` ${name}="${attribute(String(value))}"`);

const WRITERS = {
  paragraph: (node, isAfterBare) => (node.attrs.bare && !isAfterBare ? inline(node) : `<p${side(node.attrs.align)}>${inline(node)}</p>`),
  heading: (node) => `<h${node.attrs.level}${side(node.attrs.align)}>${inline(node)}</h${node.attrs.level}>`,
  bulletList: (node) => `<ul>${items(node)}</ul>`,
  orderedList: (node) => `<ol${node.attrs.start === 1 ? "" : data("start", node.attrs.start)}>${items(node)}</ol>`,
  blockquote: (node) => `<blockquote>${children(node)}</blockquote>`,
  codeBlock: (node) => `<pre><code>${code(node.textContent)}</code></pre>`,
  horizontalRule: () => "<hr>",
  image: ({ attrs }) =>
    `<img src="${attribute(attrs.src)}" alt="${attribute(attrs.alt)}"${data("width", attrs.width)}${data("data-align", attrs.align)}${data("data-href", attrs.href)}>`,
  button: (node) =>
    `<a data-block="button" href="${attribute(node.attrs.href)}"${data("data-color", node.attrs.color)}${data("data-align", node.attrs.align)}>${inline(node)}</a>`,
  columns: (node) => `<div data-block="columns">\n${children(node)}\n</div>`,
  column: (node) => `<div data-block="column">${children(node)}</div>`,
  progress: ({ attrs }) => `<div data-block="progress" data-percent="${attribute(attrs.percent)}"${data("data-color", attrs.color)}></div>`,
  spacer: ({ attrs }) => `<div data-block="spacer" data-height="${attrs.height}"></div>`,
  raw: ({ attrs }) => (attrs.wrapped ? `<div data-block="html">${attrs.html}</div>` : attrs.html),
  logicLine: ({ attrs }) => attrs.source,
};

function children(node) {
  const found = [];
  node.forEach((child) => found.push(block(child, true)));
  return found.join("\n");
}

function items(list) {
  const found = [];
  list.forEach((item) => found.push(item.type.name === "listLogic" ? item.attrs.source : `<li>${itemContent(item)}</li>`));
  return found.join("");
}

// The first paragraph of an item needs no tags unless another one follows.
function itemContent(item) {
  const found = [];
  const paragraphs = item.content.content.filter((child) => child.type.name === "paragraph");
  const isPlain = paragraphs.length === 1 && !paragraphs[0].attrs.align;
  item.forEach((child, _, index) => found.push(isPlain && index === 0 ? inline(child) : block(child, true)));
  return found.join("");
}

// -- words and their marks ----------------------------------------------------------------
function inline(node) {
  let html = "";
  let open = [];
  node.forEach((child) => {
    const marks = [...child.marks].sort((one, other) => ORDER.indexOf(one.type.name) - ORDER.indexOf(other.type.name));
    let same = 0;
    while (same < open.length && same < marks.length && open[same].eq(marks[same])) same += 1;
    for (const mark of open.slice(same).reverse()) html += closing(mark);
    for (const mark of marks.slice(same)) html += opening(mark);
    open = marks;
    html += word(child);
  });
  for (const mark of [...open].reverse()) html += closing(mark);
  return html;
}

function word(node) {
  if (node.isText) return escape(node.text);
  return node.type.name === "hardBreak" ? "<br>" : node.attrs.source;
}

function opening(mark) {
  const { name } = mark.type;
  if (name === "color") return `<span style="color:${mark.attrs.color}">`;
  if (name !== "link") return `<${TAGS[name]}>`;
  const { href, title, target, rel } = mark.attrs;
  return `<a href="${attribute(href ?? "")}"${data("title", title)}${data("target", target)}${data("rel", rel)}>`;
}

function closing(mark) {
  const { name } = mark.type;
  return name === "link" ? "</a>" : name === "color" ? "</span>" : `</${TAGS[name]}>`;
}

export function escape(text) {
  // Spaces in a row are kept as what they look like.
  const kept = text.replace(/ {2}/g, " \u00a0");
  return kept.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\u00a0/g, "&nbsp;");
}

// Variables keep their quotes and brackets: they are not HTML.
function apart(text, around) {
  return text.split(LIQUID).map((piece, index) => (index % 2 ? piece : around(piece))).join("");
}

function attribute(text) {
  return apart(text, (piece) => piece.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;"));
}

function code(text) {
  return apart(text, (piece) => piece.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"));
}
