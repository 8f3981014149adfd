// The panel under what is selected: the fields of a block, a chip or a link, and what can
// be done with a block as a whole.

import { NodeSelection } from "@tiptap/pm/state";
import { icon, make, newId } from "../dom.js";
import { variableOption } from "../options.js";
import { partsOf, variable } from "./chips.js";
import { duplicate, move, remove } from "./moving.js";
import { isGoodAddress } from "./schema.js";

export const COLORS = ["#dc2626", "#ea580c", "#ca8a04", "#16a34a", "#2563eb", "#4f46e5", "#9333ea", "#db2777", "#111111"];

const address = (name, label) => ({ name, label, type: "address", placeholder: "https://" });
const align = { name: "align", label: "Alignment", type: "side" };
const color = { name: "color", label: "Colour", type: "color" };

const FIELDS = {
  button: [address("href", "Link"), color, align],
  image: [address("src", "Address"), { name: "alt", label: "Description", placeholder: "For those who do not see it" }, { name: "width", label: "Width", type: "number", min: 1, max: 1200, placeholder: "Auto" }, address("href", "Link"), align],
  progress: [{ name: "percent", label: "Percent", type: "percent" }, color],
  spacer: [{ name: "height", label: "Height", type: "number", min: 1, max: 400, needed: true }],
  logicLine: [{ name: "source", label: "Tag", type: "logic" }],
  listLogic: [{ name: "source", label: "Tag", type: "logic" }],
  logic: [{ name: "source", label: "Tag", type: "logic" }],
  columns: [{ name: "count", label: "Columns", type: "count" }],
};

const TITLES = { button: "Button", image: "Image", progress: "Progress bar", spacer: "Space", logicLine: "Logic", listLogic: "Logic", logic: "Logic", columns: "Columns", variable: "Variable", raw: "HTML", horizontalRule: "Divider", paragraph: "Text", heading: "Heading", bulletList: "Bullet list", orderedList: "Numbered list", blockquote: "Quote", codeBlock: "Code block" };

export class Panel {
  constructor({ editor, host, variables, replaceImage }) {
    Object.assign(this, { editor, host, variables, replaceImage });
    this.element = make("div", { class: "block-panel", role: "group", hidden: true });
    this.element.addEventListener("keydown", (event) => this.press(event));
    host.append(this.element);
    this.shown = null;
    // In the middle of a change of focus nothing has it: that is looked at a moment later.
    editor.on("transaction", ({ transaction }) => transaction.getMeta("blur") || transaction.getMeta("focus") || this.refresh());
    editor.on("blur", () => requestAnimationFrame(() => this.refresh()));
    editor.on("focus", () => this.refresh());
    addEventListener("resize", () => this.place());
  }

  // What the panel is about: {kind, position, node}.
  target() {
    const { selection } = this.editor.state;
    if (this.link) return this.linkTarget();
    if (selection instanceof NodeSelection) return { kind: "node", position: selection.from, node: selection.node };
    const { $from } = selection;
    if ($from.parent.type.name === "button") return { kind: "node", position: $from.before(), node: $from.parent };
    return null;
  }

  linkTarget() {
    const range = this.link;
    const mark = linkAt(this.editor.state, range.from);
    return { kind: "link", position: range.from, to: range.to, node: null, href: mark?.attrs.href ?? "" };
  }

  openLink() {
    const { state } = this.editor;
    const { from, empty } = state.selection;
    if (linkAt(state, from)) this.editor.commands.extendMarkRange("link");
    else if (empty) return;
    const range = this.editor.state.selection;
    this.link = { from: range.from, to: range.to };
    this.refresh();
    this.focus();
  }

  refresh() {
    const hasFocus = this.editor.isFocused || this.element.contains(document.activeElement) || this.host.querySelector(".mail-raw-source:focus");
    if (!hasFocus) {
      this.link = null;
      return this.hide();
    }
    const target = this.target();
    if (!target) return this.hide();
    const same = this.shown && this.shown.kind === target.kind && this.shown.position === target.position && this.shown.node?.type === target.node?.type;
    this.shown = target;
    if (!same) this.build(target);
    this.element.hidden = false;
    this.place();
    if (same) this.update(target);
    else requestAnimationFrame(() => this.reveal());
  }

  hide() {
    this.element.hidden = true;
    this.shown = null;
  }

  focus() {
    this.element.querySelector("input, button")?.focus();
    this.element.querySelector("input[type=text], input:not([type])")?.select?.();
  }

  press(event) {
    if (event.key !== "Escape" && !(event.key === "Enter" && event.target.matches("input"))) return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
  }

  close() {
    const { link } = this;
    this.link = null;
    if (link) this.editor.commands.setTextSelection(link.to);
    this.editor.view.focus();
    this.refresh();
  }

  place() {
    if (this.element.hidden || !this.shown) return;
    const { view } = this.editor;
    const dom = this.shown.kind === "link" ? null : view.nodeDOM(this.shown.position);
    const rect = dom?.getBoundingClientRect?.() ?? view.coordsAtPos(Math.min(this.shown.position, view.state.doc.content.size));
    const frame = this.host.getBoundingClientRect();
    const left = Math.max(0, Math.min(rect.left - frame.left, frame.width - this.element.offsetWidth));
    this.element.style.left = `${left}px`;
    this.element.style.top = `${rect.bottom - frame.top + 8}px`;
  }

  // Scrolls down until the panel is seen whole, as long as its block is.
  reveal() {
    if (this.element.hidden || !this.shown || this.shown.kind === "link") return;
    const block = this.editor.view.nodeDOM(this.shown.position)?.getBoundingClientRect?.();
    const hidden = this.element.getBoundingClientRect().bottom + 12 - innerHeight;
    if (block && hidden > 0) scrollBy(0, Math.max(0, Math.min(hidden, block.top - 220)));
  }

  // -- what it shows ----------------------------------------------------------------------
  build(target) {
    const name = target.kind === "link" ? "link" : target.node.type.name;
    this.element.setAttribute("aria-label", target.kind === "link" ? "Link" : `${TITLES[name] ?? "Block"}: settings`);
    this.controls = [];
    const children = [];
    if (name === "link") children.push(this.linkForm(target));
    else if (name === "variable") children.push(...this.variableForm(target));
    else for (const field of FIELDS[name] ?? []) children.push(this.field(field));
    if (target.node?.isBlock) children.push(this.tools(target, name));
    this.element.replaceChildren(...children);
  }

  update(target) {
    for (const { element, read } of this.controls) {
      const value = read(target.node);
      if (document.activeElement !== element && element.value !== value) element.value = value;
    }
    for (const refresh of this.element.querySelectorAll("[data-refreshes]")) refresh.refresh(this.shown.node);
  }

  set(name, value) {
    const { node, position } = this.shown;
    if (!node || node.attrs[name] === value) return;
    this.editor.view.dispatch(this.editor.state.tr.setNodeAttribute(position, name, value));
  }

  row(label, control, ...more) {
    const id = newId("field");
    control.id = id;
    return make("div", { class: "panel-row" }, make("label", { for: id, text: label }), make("span", { class: "panel-control" }, control, ...more));
  }

  field(field) {
    const makers = { color: () => this.colors(field), side: () => this.sides(field), count: () => this.count() };
    return (makers[field.type] ?? (() => this.input(field)))();
  }

  input(field) {
    const isNumber = field.type === "number";
    const input = make("input", { type: isNumber ? "number" : "text", class: "input", placeholder: field.placeholder, min: field.min, max: field.max, autocomplete: "off", spellcheck: field.type === "address" || field.type === "logic" ? "false" : null });
    const read = (node) => String(node.attrs[field.name] ?? "");
    input.value = read(this.shown.node);
    input.addEventListener("input", () => {
      const value = checked(field, input.value);
      input.setAttribute("aria-invalid", String(value === undefined));
      if (value !== undefined) this.set(field.name, value);
    });
    this.controls.push({ element: input, read });
    const more = field.type === "address" || field.type === "percent" ? [this.picker(input)] : [];
    if (field.name === "src") more.push(make("button", { type: "button", class: "button button-small", text: "Upload", click: () => this.replaceImage(this.shown.position) }));
    return this.row(field.label, input, ...more);
  }

  // A button that lists the variables and puts one at the end of an input.
  picker(input) {
    const button = make("button", { type: "button", class: "panel-button", title: "Insert a variable", "aria-label": "Insert a variable", click: () => this.variables.pick(button, (found) => {
      input.setRangeText(variable(found.path), input.selectionStart, input.selectionEnd, "end");
      input.dispatchEvent(new Event("input"));
      input.focus();
    }) }, icon("variable"));
    return button;
  }

  colors({ name, label }) {
    const own = make("input", { type: "color", class: "swatch-own", title: "Another colour", "aria-label": "Another colour" });
    const swatches = [null, ...COLORS].map((value) => {
      const swatch = make("button", { type: "button", class: value ? "swatch" : "swatch swatch-project", title: value ?? "The project's colour", "aria-label": value ?? "The project's colour", click: () => this.set(name, value) });
      swatch.style.setProperty("--swatch", value ?? "var(--project-color)");
      return { swatch, value };
    });
    own.addEventListener("input", () => this.set(name, own.value));
    const group = make("span", { class: "swatches", role: "group", "aria-label": label, "data-refreshes": true }, ...swatches.map(({ swatch }) => swatch), own);
    group.refresh = (node) => {
      for (const { swatch, value } of swatches) swatch.setAttribute("aria-pressed", String(node.attrs[name] === value));
      if (node.attrs[name]) own.value = node.attrs[name];
    };
    group.refresh(this.shown.node);
    return make("div", { class: "panel-row" }, make("span", { class: "panel-label", text: label }), group);
  }

  sides({ name, label }) {
    const buttons = ["left", "center", "right"].map((side) => ({
      side,
      button: make("button", { type: "button", class: "panel-button", title: `Align ${side}`, "aria-label": `Align ${side}`, click: () => this.set(name, side) }, icon(`align-${side}`)),
    }));
    const group = make("span", { class: "segments", role: "group", "aria-label": label, "data-refreshes": true }, ...buttons.map(({ button }) => button));
    group.refresh = (node) => {
      const current = node.attrs[name] ?? (node.type.name === "image" ? "center" : "left");
      for (const { side, button } of buttons) button.setAttribute("aria-pressed", String(side === current));
    };
    group.refresh(this.shown.node);
    return make("div", { class: "panel-row" }, make("span", { class: "panel-label", text: label }), group);
  }

  count() {
    const buttons = [2, 3].map((count) => ({ count, button: make("button", { type: "button", class: "panel-button", text: String(count), "aria-label": `${count} columns`, click: () => this.setCount(count) }) }));
    const group = make("span", { class: "segments", role: "group", "aria-label": "Columns", "data-refreshes": true }, ...buttons.map(({ button }) => button));
    group.refresh = (node) => buttons.forEach(({ count, button }) => button.setAttribute("aria-pressed", String(node.childCount === count)));
    group.refresh(this.shown.node);
    return make("div", { class: "panel-row" }, make("span", { class: "panel-label", text: "Columns" }), group);
  }

  // What stood in a third column goes to the end of the second.
  setCount(count) {
    const { node, position } = this.shown;
    if (node.childCount === count) return;
    const { schema, tr } = this.editor.state;
    const found = [...node.content.content];
    if (count === 3) found.push(schema.nodes.column.createAndFill());
    else {
      const last = found.pop();
      const isEmpty = last.childCount === 1 && last.firstChild.content.size === 0 && last.firstChild.type.name === "paragraph";
      if (!isEmpty) found[1] = found[1].copy(found[1].content.append(last.content));
    }
    tr.replaceWith(position, position + node.nodeSize, node.copy(node.content.constructor.from(found)));
    tr.setSelection(NodeSelection.create(tr.doc, position));
    this.editor.view.dispatch(tr);
  }

  variableForm({ node }) {
    const parts = partsOf(node.attrs.source);
    const source = make("input", { type: "text", class: "input", spellcheck: "false", autocomplete: "off" });
    const read = (current) => current.attrs.source;
    source.value = read(node);
    source.addEventListener("input", () => {
      const isGood = /^\{\{[^{}]+\}\}$/.test(source.value);
      source.setAttribute("aria-invalid", String(!isGood));
      if (isGood) this.set("source", source.value);
    });
    if (!parts) {
      this.controls.push({ element: source, read });
      return [this.row("Expression", source)];
    }
    const known = this.variables.find(parts.path);
    const fallback = make("input", { type: "text", class: "input", placeholder: "Nothing", autocomplete: "off" });
    fallback.value = parts.fallback;
    fallback.addEventListener("input", () => {
      const isGood = !/[{}|\n]/.test(fallback.value);
      fallback.setAttribute("aria-invalid", String(!isGood));
      if (isGood) this.set("source", variable(partsOf(this.shown.node.attrs.source)?.path ?? parts.path, fallback.value.trim()));
    });
    this.controls.push({ element: fallback, read: (current) => partsOf(current.attrs.source)?.fallback ?? "" });
    const change = make("button", { type: "button", class: "panel-choice", click: () => this.variables.pick(change, (found) => {
      this.set("source", variable(found.path, partsOf(this.shown.node.attrs.source)?.fallback ?? ""));
      this.shown = null;
      this.editor.view.focus();
      this.refresh();
    }) }, make("code", { text: parts.path }), icon("updown"));
    const rows = [this.row("Variable", change), this.row("If empty", fallback)];
    if (known) rows.push(make("p", { class: "panel-note" }, ...variableNote(known)));
    else rows.push(make("p", { class: "panel-note", text: "No contact has it yet; it can come with the event or the call that sends the mail." }));
    return rows;
  }

  linkForm(target) {
    const input = make("input", { type: "text", class: "input", placeholder: "https://", autocomplete: "off", spellcheck: "false" });
    input.value = target.href;
    const apply = () => {
      const href = checked({ type: "address" }, input.value.trim());
      input.setAttribute("aria-invalid", String(href === undefined));
      if (href === undefined) return;
      const { from, to } = this.link;
      const { state } = this.editor;
      const type = state.schema.marks.link;
      const tr = state.tr.removeMark(from, to, type);
      if (href) tr.addMark(from, to, type.create({ href }));
      this.editor.view.dispatch(tr);
    };
    input.addEventListener("input", apply);
    const unlink = make("button", { type: "button", class: "panel-button", title: "Remove the link", "aria-label": "Remove the link", click: () => {
      input.value = "";
      apply();
      this.close();
    } }, icon("unlink"));
    return this.row("Link", input, this.picker(input), unlink);
  }

  // -- the block as a whole -----------------------------------------------------------------
  tools(target, name) {
    const act = (label, symbol, run) => make("button", { type: "button", class: "panel-button", title: label, "aria-label": label, click: () => run(this.editor, this.shown.position) }, icon(symbol));
    return make(
      "div",
      { class: "panel-tools" },
      make("span", { class: "panel-title", text: TITLES[name] ?? "Block" }),
      act("Move up", "up", (editor, position) => move(editor, -1, position)),
      act("Move down", "down", (editor, position) => move(editor, 1, position)),
      act("Duplicate", "copy", duplicate),
      act("Delete", "bin", remove),
    );
  }
}

function variableNote(known) {
  const [, share] = variableOption(known);
  const parts = [];
  if (known.example !== null && known.example !== undefined && known.example !== "") parts.push(`Such as “${known.example}”. `);
  if (share.textContent) parts.push(`${share.textContent} of the contacts have it.`);
  return parts;
}

// Returns what a field may hold, or undefined.
function checked(field, text) {
  if (field.type === "address") return isGoodAddress(text) ? text.trim() : undefined;
  if (field.type === "logic") return /^\{%[^{}]*%\}$/.test(text.trim()) ? text.trim() : undefined;
  if (field.type === "percent") return /^(?:\d{1,2}|100|\{\{[^{}]+\}\})$/.test(text.trim()) ? text.trim() : undefined;
  if (field.type !== "number") return text;
  if (text === "") return field.needed ? undefined : null;
  const value = Number(text);
  return Number.isInteger(value) && value >= field.min && value <= field.max ? value : undefined;
}

export function linkAt(state, position) {
  const $position = state.doc.resolve(position);
  const marks = [...$position.marks(), ...($position.nodeAfter?.marks ?? [])];
  return marks.find(({ type }) => type.name === "link");
}
