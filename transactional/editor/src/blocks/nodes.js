// The blocks of our own. Each looks in the editor much as it will in the mail.

import { mergeAttributes, Node } from "@tiptap/core";
import { icon, make } from "../dom.js";
import { isWhole } from "./scanning.js";

const data = (name, read = (value) => value) => ({
  default: null,
  parseHTML: (element) => (element.hasAttribute(`data-${name}`) ? read(element.getAttribute(`data-${name}`)) : null),
  renderHTML: (attributes) => (attributes[name] === null ? {} : { [`data-${name}`]: attributes[name] }),
});

// A view whose looks follow the attributes of its node.
function viewOf(dom, contentDOM, show) {
  return ({ node }) => {
    show(node);
    return {
      dom,
      contentDOM,
      update: (changed) => changed.type === node.type && (show(changed), true),
      ignoreMutation: (mutation) => mutation.type !== "selection" && !contentDOM?.contains(mutation.target),
    };
  };
}

function tint(element, color) {
  element.style.setProperty("--block-color", color || "var(--project-color)");
  element.style.setProperty("--block-ink", color && isPale(color) ? "#111111" : color ? "#ffffff" : "var(--project-ink)");
}

export function isPale(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

export const Button = Node.create({
  name: "button",
  group: "block flow",
  content: "(text | variable | logic)*",
  marks: "",
  defining: true,
  draggable: true,
  addAttributes: () => ({
    href: { default: "", parseHTML: (element) => element.getAttribute("href") ?? "" },
    color: data("color"),
    align: data("align"),
  }),
  parseHTML: () => [{ tag: 'a[data-block="button"]', priority: 100 }],
  renderHTML: ({ HTMLAttributes }) => ["a", mergeAttributes(HTMLAttributes, { "data-block": "button" }), 0],
  addKeyboardShortcuts() {
    return {
      Enter: ({ editor }) => {
        const { $from, empty } = editor.state.selection;
        if (!empty || $from.parent.type !== this.type) return false;
        return editor.chain().insertContentAt($from.after(), { type: "paragraph" }).setTextSelection($from.after() + 1).run();
      },
    };
  },
  addNodeView: () => (props) => {
    const label = make("span", { class: "mail-button-label" });
    const dom = make("div", { class: "mail-button-row" }, make("span", { class: "mail-button" }, label));
    return viewOf(dom, label, (node) => {
      dom.dataset.align = node.attrs.align ?? "left";
      dom.classList.toggle("is-empty", node.content.size === 0);
      dom.classList.toggle("has-no-link", !node.attrs.href);
      tint(dom, node.attrs.color);
    })(props);
  },
});

export const Image = Node.create({
  name: "image",
  group: "block flow",
  atom: true,
  draggable: true,
  addAttributes: () => ({
    src: { default: "", parseHTML: (element) => element.getAttribute("src") ?? "" },
    alt: { default: "", parseHTML: (element) => element.getAttribute("alt") ?? "" },
    width: { default: null, parseHTML: (element) => Number.parseInt(element.getAttribute("width"), 10) || null },
    align: data("align"),
    href: data("href"),
  }),
  parseHTML: () => [{ tag: "img[src]" }],
  renderHTML: ({ HTMLAttributes }) => ["img", HTMLAttributes],
  addNodeView: () => (props) => {
    const picture = make("img", { draggable: "false" });
    const words = make("span", { class: "mail-image-words" });
    const dom = make("div", { class: "mail-image" }, picture, words);
    picture.addEventListener("error", () => dom.classList.add("is-broken"));
    picture.addEventListener("load", () => dom.classList.remove("is-broken"));
    return viewOf(dom, null, ({ attrs }) => {
      const isVariable = /\{[{%]/.test(attrs.src);
      dom.dataset.align = attrs.align ?? "center";
      dom.classList.toggle("is-broken", isVariable || !attrs.src);
      words.textContent = isVariable ? attrs.src : attrs.src ? attrs.alt || "This picture cannot be loaded" : "Picture without an address";
      picture.alt = attrs.alt;
      picture.style.width = attrs.width ? `${attrs.width}px` : "";
      if (isVariable || !attrs.src) picture.removeAttribute("src");
      else if (picture.getAttribute("src") !== attrs.src) picture.src = attrs.src;
    })(props);
  },
});

export const Columns = Node.create({
  name: "columns",
  group: "block",
  content: "column{2,3}",
  isolating: true,
  defining: true,
  draggable: true,
  parseHTML: () => [{ tag: 'div[data-block="columns"]' }],
  renderHTML: () => ["div", { "data-block": "columns", class: "mail-columns" }, 0],
});

export const Column = Node.create({
  name: "column",
  content: "flow+",
  isolating: true,
  defining: true,
  selectable: false,
  parseHTML: () => [{ tag: 'div[data-block="column"]' }],
  renderHTML: () => ["div", { "data-block": "column", class: "mail-column" }, 0],
});

export const Progress = Node.create({
  name: "progress",
  group: "block flow",
  atom: true,
  draggable: true,
  addAttributes: () => ({ percent: { ...data("percent"), default: "50" }, color: data("color") }),
  parseHTML: () => [{ tag: 'div[data-block="progress"]' }],
  renderHTML: ({ HTMLAttributes }) => ["div", mergeAttributes(HTMLAttributes, { "data-block": "progress" })],
  addNodeView: () => (props) => {
    const bar = make("span");
    const words = make("code", { class: "mail-progress-words" });
    const dom = make("div", { class: "mail-progress", role: "img" }, make("span", { class: "mail-progress-track" }, bar), words);
    return viewOf(dom, null, ({ attrs }) => {
      const isVariable = attrs.percent.includes("{{");
      bar.style.width = isVariable ? "50%" : `${attrs.percent}%`;
      words.textContent = isVariable ? attrs.percent : "";
      dom.setAttribute("aria-label", `Progress bar, ${attrs.percent} %`);
      tint(dom, attrs.color);
    })(props);
  },
});

export const Spacer = Node.create({
  name: "spacer",
  group: "block flow",
  atom: true,
  draggable: true,
  addAttributes: () => ({ height: { ...data("height", Number), default: 24 } }),
  parseHTML: () => [{ tag: 'div[data-block="spacer"]' }],
  renderHTML: ({ HTMLAttributes }) => ["div", mergeAttributes(HTMLAttributes, { "data-block": "spacer" })],
  addNodeView: () => (props) => {
    const dom = make("div", { class: "mail-spacer", role: "img" });
    return viewOf(dom, null, ({ attrs }) => {
      dom.style.height = `${attrs.height}px`;
      dom.dataset.height = `${attrs.height} px`;
      dom.setAttribute("aria-label", `Space of ${attrs.height} pixels`);
    })(props);
  },
});

// HTML that is nobody's business but its author's.
export const Raw = Node.create({
  name: "raw",
  group: "block flow",
  atom: true,
  draggable: true,
  addAttributes: () => ({
    html: { default: "", parseHTML: (element) => element.getAttribute("data-raw") ?? element.innerHTML, renderHTML: ({ html }) => ({ "data-raw": html }) },
    wrapped: { default: true, rendered: false },
  }),
  parseHTML: () => [{ tag: 'div[data-block="html"]' }, { tag: "table", priority: 60, getAttrs: (element) => ({ html: element.outerHTML, wrapped: false }) }],
  renderHTML: ({ HTMLAttributes }) => ["div", mergeAttributes(HTMLAttributes, { "data-block": "html" })],
  addNodeView: () => ({ node, editor, getPos }) => {
    const source = make("textarea", { class: "mail-raw-source", spellcheck: "false", rows: "1", "aria-label": "HTML of this block" });
    const warning = make("p", { class: "mail-raw-warning", hidden: true, text: "A tag is opened and not closed, or the other way round." });
    const dom = make("div", { class: "mail-raw" }, make("span", { class: "mail-raw-title" }, icon("html"), "HTML"), source, warning);
    const show = ({ attrs }) => {
      if (source.value !== attrs.html) source.value = attrs.html;
      warning.hidden = isWhole(attrs.html);
      source.rows = Math.min(14, attrs.html.split("\n").length);
    };
    source.addEventListener("input", () => {
      const { value } = source;
      const position = getPos();
      editor.view.dispatch(editor.state.tr.setNodeAttribute(position, "html", value));
    });
    source.addEventListener("keydown", (event) => {
      if (event.key === "Escape") editor.chain().setNodeSelection(getPos()).focus().run();
    });
    show(node);
    return {
      dom,
      update: (changed) => changed.type === node.type && (show(changed), true),
      stopEvent: (event) => source.contains(event.target),
      ignoreMutation: () => true,
    };
  },
});
