// The block editor: a mail in the project's design.

import { Editor } from "@tiptap/core";
import { icon, make, useIcons } from "../dom.js";
import { Handle } from "./handle.js";
import { linkAt, Panel } from "./panel.js";
import { Moving } from "./moving.js";
import { cleaned } from "./pasting.js";
import { read } from "./reading.js";
import { extensions } from "./schema.js";
import { Toolbar } from "./toolbar.js";
import { triggers } from "./triggers.js";
import { insertFiles, replace, uploads } from "./uploading.js";
import { write } from "./writing.js";

class BlockEditor {
  constructor({ host, body, variables, upload, say, changed, showKeys, icons }) {
    useIcons(icons);
    this.options = { upload, say };
    this.replaced = null;
    this.chooser = make("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", multiple: true, hidden: true, "aria-label": "Picture" });
    this.sheet = make("div", { class: "sheet-body" });
    this.editor = new Editor({
      element: this.sheet,
      injectCSS: false,
      extensions: [...extensions({ placeholder }), Moving, triggers({ variables, pickImage: () => this.pickImage() }), uploads(this.options)],
      editorProps: {
        attributes: { class: "mail", role: "textbox", "aria-multiline": "true", "aria-label": "Body of the mail", "aria-haspopup": "listbox" },
        transformPastedHTML: cleaned,
        handleKeyDown: (_, event) => this.press(event),
        handleClickOn: (view, position, node, at, event) => this.click(node, at, event),
      },
      onUpdate: () => changed(),
    });
    this.load(body);
    this.panel = new Panel({ editor: this.editor, host: this.sheet, variables, replaceImage: (position) => this.pickImage(position) });
    this.toolbar = new Toolbar({ editor: this.editor, host, panel: this.panel, variables, pickImage: () => this.pickImage() });
    new Handle({ editor: this.editor, host: this.sheet });
    const more = make("button", { type: "button", class: "sheet-more", click: () => this.append() }, icon("plus"), "Add a block");
    const shortcuts = make("button", { type: "button", class: "sheet-more", click: showKeys }, icon("keyboard"), "Shortcuts");
    host.append(make("div", { class: "sheet" }, this.sheet, make("div", { class: "sheet-foot" }, more, shortcuts)), this.chooser);
    this.chooser.addEventListener("change", () => this.take());
  }

  // Shows a body; `isEdit` makes it a step that can be undone.
  load(body, { isEdit = false } = {}) {
    const { schema } = this.editor;
    const found = read(body).map(({ node, source }) => ({ node: made(schema, node, source), source }));
    const nodes = found.map(({ node }) => node);
    const empty = schema.nodes.paragraph.create();
    const { tr, doc } = this.editor.state;
    tr.replaceWith(0, doc.content.size, nodes.length ? nodes : [empty]).setMeta("preventUpdate", !isEdit).setMeta("reading", true);
    if (!isEdit) tr.setMeta("addToHistory", false);
    this.editor.view.dispatch(tr);
    this.remember(body, found);
  }

  // Keeps what each part was, for as long as it is the same.
  remember(body, found) {
    this.sources = new WeakMap();
    const shown = this.editor.state.doc;
    this.emptyBody = found.length ? null : body;
    this.emptyNode = found.length ? null : shown;
    if (shown.childCount !== found.length) return;
    found.forEach(({ source }, index) => {
      this.sources.set(shown.child(index), { text: source, before: index ? shown.child(index - 1) : null });
    });
  }

  get body() {
    return this.written().body;
  }

  written() {
    const { doc } = this.editor.state;
    const isEmpty = doc.childCount === 1 && doc.firstChild.type.name === "paragraph" && doc.firstChild.content.size === 0;
    if (isEmpty && !this.sources.has(doc.firstChild)) return { body: this.emptyBody ?? "", starts: [0] };
    return write(doc, this.sources);
  }

  // Returns the body as it would be if every part were new.
  get rewritten() {
    return write(this.editor.state.doc).body;
  }

  // How many parts stay HTML.
  get strange() {
    let count = 0;
    this.editor.state.doc.descendants(({ type }) => {
      if (type.name === "raw") count += 1;
    });
    return count;
  }

  focus(place = "end") {
    this.editor.commands.focus(place);
  }

  // Selects the block in which a character of the body stands.
  reveal(offset) {
    const { starts } = this.written();
    const index = Math.max(0, starts.findLastIndex((start) => start <= offset));
    let at = 0;
    for (let number = 0; number < index; number += 1) at += this.editor.state.doc.child(number).nodeSize;
    this.editor.chain().setNodeSelection(at).focus().scrollIntoView().run();
    this.editor.view.nodeDOM(at)?.scrollIntoView?.({ block: "center" });
  }

  press(event) {
    const { editor } = this;
    if ((event.metaKey || event.ctrlKey) && !event.altKey && event.key.toLowerCase() === "k") {
      this.panel.openLink();
      return true;
    }
    const hasPanel = !this.panel.element.hidden;
    if (hasPanel && event.key === "Enter" && (event.altKey || editor.state.selection.node?.isAtom)) {
      this.panel.focus();
      return true;
    }
    if (event.altKey && event.key === "F10") {
      this.toolbar.element.querySelector("[tabindex='0']").focus();
      return true;
    }
    return false;
  }

  click(node, at, event) {
    if (node.type.name === "image" || node.type.name === "button") return false;
    if (linkAt(this.editor.state, at) && event.target.closest("a")) event.preventDefault();
    return false;
  }

  append() {
    const { doc } = this.editor.state;
    const last = doc.lastChild;
    const chain = this.editor.chain();
    if (last.type.name !== "paragraph" || last.content.size) chain.insertContentAt(doc.content.size, { type: "paragraph" });
    chain.focus("end").insertContent("/").run();
  }

  pickImage(position = null) {
    this.replaced = position;
    this.chooser.multiple = position === null;
    this.chooser.click();
  }

  take() {
    const files = [...this.chooser.files];
    this.chooser.value = "";
    if (!files.length) return;
    if (this.replaced === null) insertFiles(this.editor, files, this.options);
    else replace(this.editor, this.replaced, files[0], this.options);
  }

  destroy() {
    this.editor.destroy();
  }
}

function made(schema, json, source) {
  try {
    const node = schema.nodeFromJSON(json);
    node.check();
    return node;
  } catch {
    // Something that the reader lets through and the schema does not: kept as HTML.
    return schema.nodes.raw.create({ html: source, wrapped: false });
  }
}

function placeholder({ node, editor }) {
  if (node.type.name === "heading") return `Heading ${node.attrs.level}`;
  if (node.type.name === "button") return "Label";
  const isAlone = editor.state.doc.childCount === 1;
  return isAlone ? "Write your mail, or press / for blocks and {{ for variables" : "Press / for blocks, {{ for variables";
}

export { BlockEditor };
