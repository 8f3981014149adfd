// Variables and tags of the template language, which stand in the text as chips.

import { Node } from "@tiptap/core";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { partsOf } from "./chips.js";

const LIQUID = /\{\{(?!\s*\{)[^{}]*?\}\}|\{%[^{}]*?%\}/g;

function chipOf(source) {
  const chip = document.createElement("span");
  chip.className = "chip";
  const parts = partsOf(source);
  if (!parts) {
    chip.textContent = source.replace(/^\{\{-?\s*|\s*-?\}\}$/g, "") || source;
    return chip;
  }
  chip.textContent = parts.path;
  if (parts.fallback) {
    const fallback = document.createElement("span");
    fallback.className = "chip-fallback";
    fallback.textContent = parts.fallback;
    chip.append(fallback);
  }
  return chip;
}

function sourceAttribute(tag) {
  return {
    source: {
      default: "",
      parseHTML: (element) => element.getAttribute(tag) ?? "",
      renderHTML: ({ source }) => ({ [tag]: source }),
    },
  };
}

export const Variable = Node.create({
  name: "variable",
  group: "inline",
  inline: true,
  atom: true,
  selectable: true,
  addAttributes: () => sourceAttribute("data-variable"),
  parseHTML: () => [{ tag: "span[data-variable]" }],
  renderHTML: ({ node }) => ["span", { "data-variable": node.attrs.source }, node.attrs.source],
  renderText: ({ node }) => node.attrs.source,
  addNodeView() {
    return ({ node }) => {
      const dom = document.createElement("span");
      const show = ({ attrs }) => {
        const parts = partsOf(attrs.source);
        dom.replaceChildren(chipOf(attrs.source));
        dom.title = attrs.source;
        dom.setAttribute("role", "img");
        dom.setAttribute("aria-label", parts ? `Variable ${parts.path}${parts.fallback ? `, or ${parts.fallback}` : ""}` : `Variable ${attrs.source}`);
      };
      dom.className = "chip-frame";
      show(node);
      const update = (changed) => changed.type === node.type && (show(changed), true);
      return { dom, update, ignoreMutation: () => true };
    };
  },
});

function logicView({ node }, name) {
  const dom = document.createElement(name);
  const code = document.createElement("code");
  dom.className = name === "span" ? "chip-frame" : "logic-line";
  code.className = "chip chip-logic";
  dom.append(code);
  const show = ({ attrs }) => {
    code.textContent = attrs.source;
  };
  show(node);
  const update = (changed) => changed.type === node.type && (show(changed), true);
  return { dom, update, ignoreMutation: () => true };
}

export const Logic = Node.create({
  name: "logic",
  group: "inline",
  inline: true,
  atom: true,
  selectable: true,
  addAttributes: () => sourceAttribute("data-logic"),
  parseHTML: () => [{ tag: "span[data-logic]" }],
  renderHTML: ({ node }) => ["span", { "data-logic": node.attrs.source }, node.attrs.source],
  renderText: ({ node }) => node.attrs.source,
  addNodeView: () => (props) => logicView(props, "span"),
});

export const LogicLine = Node.create({
  name: "logicLine",
  group: "block flow",
  atom: true,
  selectable: true,
  draggable: true,
  addAttributes: () => sourceAttribute("data-logic-line"),
  parseHTML: () => [{ tag: "div[data-logic-line]" }],
  renderHTML: ({ node }) => ["div", { "data-logic-line": node.attrs.source }, node.attrs.source],
  renderText: ({ node }) => node.attrs.source,
  addNodeView: () => (props) => logicView(props, "div"),
});

// A tag between the items of a list.
export const ListLogic = Node.create({
  name: "listLogic",
  atom: true,
  selectable: true,
  addAttributes: () => sourceAttribute("data-list-logic"),
  parseHTML: () => [{ tag: "li[data-list-logic]", priority: 100 }],
  renderHTML: ({ node }) => ["li", { "data-list-logic": node.attrs.source }, node.attrs.source],
  renderText: ({ node }) => node.attrs.source,
  addNodeView: () => (props) => logicView(props, "li"),
});

// Whatever is typed or pasted and reads like a variable becomes one, wherever it comes
// from; code stays as it is.
export const Recognition = Node.create({
  name: "recognition",
  addProseMirrorPlugins() {
    return [
      new Plugin({
        key: new PluginKey("recognition"),
        appendTransaction(transactions, _, state) {
          if (!transactions.some((transaction) => transaction.docChanged) || transactions.some((transaction) => transaction.getMeta("reading"))) return null;
          return recognised(state) ?? grown(state);
        },
      }),
    ];
  },
});

function recognised(state) {
  const { variable: isVariable, logic } = state.schema.nodes;
  const found = [];
  state.doc.descendants((node, position, parent) => {
    if (node.type.spec.code) return false;
    if (!node.isText || !node.text.includes("{")) return true;
    for (const match of node.text.matchAll(LIQUID)) {
      const type = match[0].startsWith("{{") ? isVariable : logic;
      if (parent.type.contentMatch.matchType(type)) found.push({ at: position + match.index, source: match[0], type, marks: node.marks });
    }
    return true;
  });
  if (!found.length) return null;
  const { tr } = state;
  for (const { at, source, type, marks } of found.reverse()) {
    tr.replaceWith(at, at + source.length, type.create({ source }, null, marks));
  }
  return tr;
}

const sourceOf = (node) => (node.isText ? node.text : (node.attrs.source ?? ""));
const linkOf = (node) => node.marks.find(({ type }) => type.name === "link");

// An address that is typed with variables in it becomes one link, variables included: a
// link that is what it says goes on until the next space. Only where one writes.
function grown(state) {
  const { $from, empty } = state.selection;
  if (!empty || !$from.parent.isTextblock) return null;
  let tr = null;
  for (let index = 0; index < $from.parent.childCount && !tr; index += 1) tr = grownAt(state, $from.parent, $from.start(), index);
  return tr;
}

function grownAt(state, block, start, first) {
  const link = linkOf(block.child(first));
  if (!link || (first > 0 && linkOf(block.child(first - 1))?.eq(link))) return null;
  let from = start;
  for (let index = 0; index < first; index += 1) from += block.child(index).nodeSize;
  let said = "";
  let more = "";
  let to = from;
  let hasVariable = false;
  for (let index = first; index < block.childCount; index += 1) {
    const node = block.child(index);
    const isLinked = Boolean(linkOf(node)?.eq(link));
    if (isLinked ? more : !node.isText && node.type.name !== "variable") break;
    const text = isLinked ? sourceOf(node) : node.isText ? /^\S*/.exec(node.text)[0] : sourceOf(node);
    if (isLinked) said += text;
    else if (linkOf(node)) break;
    else more += text;
    hasVariable ||= node.type.name === "variable";
    to += isLinked || !node.isText ? node.nodeSize : text.length;
    if (!isLinked && node.isText && text.length < node.text.length) break;
  }
  if (!more || !hasVariable || link.attrs.href !== said) return null;
  const grownLink = link.type.create({ ...link.attrs, href: said + more });
  return state.tr.removeMark(from, to, link.type).addMark(from, to, grownLink);
}
