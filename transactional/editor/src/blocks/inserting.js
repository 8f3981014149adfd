// What can be put into a mail: the entries of the slash menu and of the button "Insert".

import { NodeSelection, TextSelection } from "@tiptap/pm/state";

const block = (content) => ({ editor, range }) => {
  const chain = editor.chain().focus();
  if (range) chain.deleteRange(range);
  return chain.command(({ tr, state, dispatch }) => dispatch && insertBlock(tr, state, content)).run();
};

// In place of an empty paragraph, else after the block with the cursor; the cursor goes
// into what was put there, or selects it.
function insertBlock(tr, state, content) {
  const node = state.schema.nodeFromJSON(content);
  const { $from } = tr.selection;
  const depth = depthOf($from);
  const parent = depth ? $from.node(depth) : null;
  const isEmpty = parent?.type.name === "paragraph" && parent.content.size === 0;
  const at = isEmpty ? $from.before(depth) : depth ? $from.after(depth) : tr.selection.to;
  if (isEmpty) tr.replaceWith(at, at + parent.nodeSize, node);
  else tr.insert(at, node);
  select(tr, at, node);
  return true;
}

// The depth of the block that moves as one: a child of the mail or of a column.
export function depthOf($position) {
  for (let depth = $position.depth; depth > 0; depth -= 1) {
    if (["doc", "column"].includes($position.node(depth - 1).type.name)) return depth;
  }
  return 0;
}

function select(tr, at, node) {
  if (node.isTextblock || node.type.name === "columns") tr.setSelection(TextSelection.near(tr.doc.resolve(at + 1)));
  else if (node.isAtom) tr.setSelection(NodeSelection.create(tr.doc, at));
  tr.scrollIntoView();
}

const turn = (make) => ({ editor, range }) => {
  const chain = editor.chain().focus();
  if (range) chain.deleteRange(range);
  return make(chain).run();
};

const column = { type: "column", content: [{ type: "paragraph" }] };
const columns = (count) => block({ type: "columns", content: Array.from({ length: count }, () => column) });

export const ENTRIES = [
  { name: "Text", icon: "text", words: "paragraph plain", insert: turn((chain) => chain.setParagraph()) },
  { name: "Heading 1", icon: "h1", words: "title large", hint: "#", insert: turn((chain) => chain.setHeading({ level: 1 })) },
  { name: "Heading 2", icon: "h2", words: "title", hint: "##", insert: turn((chain) => chain.setHeading({ level: 2 })) },
  { name: "Heading 3", icon: "h3", words: "title small", hint: "###", insert: turn((chain) => chain.setHeading({ level: 3 })) },
  { name: "Button", icon: "button", words: "link call action", insert: block({ type: "button", attrs: { align: "left" } }) },
  { name: "Image", icon: "image", words: "picture photo logo upload", insert: block({ type: "image" }) },
  { name: "Bullet list", icon: "bullets", words: "unordered ul", hint: "-", insert: turn((chain) => chain.toggleBulletList()) },
  { name: "Numbered list", icon: "numbers", words: "ordered ol", hint: "1.", insert: turn((chain) => chain.toggleOrderedList()) },
  { name: "Two columns", icon: "columns", words: "layout side", insert: columns(2) },
  { name: "Three columns", icon: "columns3", words: "layout side", insert: columns(3) },
  { name: "Divider", icon: "divider", words: "line rule hr separator", hint: "---", insert: block({ type: "horizontalRule" }) },
  { name: "Space", icon: "space", words: "spacer gap distance", insert: block({ type: "spacer", attrs: { height: 24 } }) },
  { name: "Quote", icon: "quote", words: "blockquote citation", hint: ">", insert: turn((chain) => chain.toggleBlockquote()) },
  { name: "Code block", icon: "code", words: "pre source", hint: "```", insert: turn((chain) => chain.toggleCodeBlock()) },
  { name: "Progress bar", icon: "progress", words: "percent steps", insert: block({ type: "progress", attrs: { percent: "50" } }) },
  { name: "HTML", icon: "html", words: "raw source table embed", insert: block({ type: "raw", attrs: { html: "", wrapped: true } }) },
  { name: "Variable", icon: "variable", words: "field name data merge", hint: "{{", insert: turn((chain) => chain.insertContent("{{")) },
  { name: "Logic", icon: "logic", words: "liquid if else for end condition loop", insert: block({ type: "logicLine", attrs: { source: "{% if  %}" } }) },
  ...["left", "center", "right"].map((align) => ({
    name: `Align ${align}`,
    icon: `align-${align}`,
    words: "text alignment",
    insert: turn((chain) => chain.command(({ commands }) => setAlign(commands, align))),
  })),
  ...[["Bold", "bold"], ["Italic", "italic"], ["Strikethrough", "strike"]].map(([name, mark]) => ({
    name,
    icon: mark,
    words: "text style",
    insert: turn((chain) => chain.toggleMark(mark)),
  })),
];

export function setAlign(commands, align) {
  const value = align === "left" ? null : align;
  commands.updateAttributes("button", { align });
  commands.updateAttributes("image", { align });
  return commands.updateAttributes("paragraph", { align: value, bare: false }) && commands.updateAttributes("heading", { align: value });
}

export function search(entries, query) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return entries.slice(0, 18);
  const begins = entries.filter(({ name }) => name.toLowerCase().startsWith(wanted));
  const contains = entries.filter((entry) => !begins.includes(entry) && `${entry.name} ${entry.words}`.toLowerCase().includes(wanted));
  return [...begins, ...contains];
}
