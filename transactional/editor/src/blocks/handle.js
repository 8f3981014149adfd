// The handle beside the block under the pointer: dragged it moves the block, pressed it
// selects it, and "+" opens the menu of blocks below.

import { NodeSelection } from "@tiptap/pm/state";
import { icon, make } from "../dom.js";
import { depthOf } from "./inserting.js";
import { blockAt } from "./moving.js";

export class Handle {
  constructor({ editor, host }) {
    Object.assign(this, { editor, host });
    this.position = null;
    this.grip = make("button", { type: "button", class: "handle-grip", draggable: "true", title: "Drag to move, press for settings", "aria-label": "Move or change this block", tabindex: "-1" }, icon("grip"));
    this.plus = make("button", { type: "button", class: "handle-plus", title: "Insert below", "aria-label": "Insert a block below", tabindex: "-1" }, icon("plus"));
    this.element = make("div", { class: "handle", hidden: true }, this.plus, this.grip);
    host.append(this.element);
    host.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.follow(event));
    host.addEventListener("pointerleave", () => this.hide());
    editor.on("selectionUpdate", () => this.followSelection());
    editor.on("update", () => this.hide());
    this.grip.addEventListener("dragstart", (event) => this.drag(event));
    this.grip.addEventListener("dragend", () => this.host.classList.remove("is-dragging"));
    this.grip.addEventListener("click", () => this.select());
    this.plus.addEventListener("click", () => this.insert());
  }

  follow({ clientX, clientY, target, buttons }) {
    // With a button down it is being dragged, or text is being selected.
    if (buttons || this.element.contains(target) || target.closest?.(".block-panel")) return;
    const { view } = this.editor;
    const frame = view.dom.getBoundingClientRect();
    const left = Math.max(frame.left + 60, Math.min(clientX, frame.right - 20));
    const found = view.posAtCoords({ left, top: clientY });
    if (found) this.show(this.blockOf(found));
  }

  // A finger does not hover: the handle stands beside the block with the cursor.
  followSelection() {
    if (matchMedia("(hover: none)").matches) this.show(blockAt(this.editor.state));
  }

  blockOf({ pos, inside }) {
    const { doc } = this.editor.state;
    const $inside = doc.resolve(Math.max(inside, 0));
    if (inside >= 0 && ["doc", "column"].includes($inside.parent.type.name) && $inside.nodeAfter?.type.name !== "columns") return inside;
    const $position = doc.resolve(pos);
    const depth = depthOf($position);
    return depth ? $position.before(depth) : null;
  }

  show(position) {
    const dom = position === null ? null : this.editor.view.nodeDOM(position);
    if (!dom?.getBoundingClientRect) return this.hide();
    this.position = position;
    const rect = dom.getBoundingClientRect();
    const frame = this.host.getBoundingClientRect();
    this.element.hidden = false;
    this.element.style.top = `${rect.top - frame.top + Math.min(4, (rect.height - 24) / 2)}px`;
    this.element.style.left = `${Math.max(0, rect.left - frame.left - this.element.offsetWidth - 6)}px`;
  }

  hide() {
    this.element.hidden = true;
  }

  select() {
    const { editor, position } = this;
    editor.chain().focus().setNodeSelection(position).run();
  }

  insert() {
    const { editor, position } = this;
    const node = editor.state.doc.nodeAt(position);
    if (!node) return;
    const isEmpty = node.type.name === "paragraph" && node.content.size === 0;
    const at = isEmpty ? position : position + node.nodeSize;
    const chain = editor.chain().focus();
    if (!isEmpty) chain.insertContentAt(at, { type: "paragraph" });
    chain.setTextSelection(at + 1).insertContent("/").run();
  }

  drag(event) {
    const { view, state } = this.editor;
    const selection = NodeSelection.create(state.doc, this.position);
    view.dispatch(state.tr.setSelection(selection));
    const slice = selection.content();
    const { dom, text } = view.serializeForClipboard(slice);
    event.dataTransfer.clearData();
    event.dataTransfer.setData("text/html", dom.innerHTML);
    event.dataTransfer.setData("text/plain", text);
    event.dataTransfer.effectAllowed = "copyMove";
    const picture = view.nodeDOM(this.position);
    if (picture instanceof Element) event.dataTransfer.setDragImage(picture, 0, 0);
    view.dragging = { slice, move: true, node: selection };
    this.host.classList.add("is-dragging");
  }
}
