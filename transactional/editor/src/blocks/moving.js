// Moving, doubling and deleting whole blocks, within the mail or a column.

import { Extension } from "@tiptap/core";
import { NodeSelection, Selection } from "@tiptap/pm/state";
import { depthOf } from "./inserting.js";

// Where the block begins that is selected or has the cursor; null if there is none.
export function blockAt(state) {
  const { selection } = state;
  if (selection instanceof NodeSelection && selection.node.isBlock) return selection.from;
  const depth = depthOf(selection.$from);
  return depth ? selection.$from.before(depth) : null;
}

export function move(editor, by, at = blockAt(editor.state)) {
  if (at === null) return false;
  const { state, view } = editor;
  const $at = state.doc.resolve(at);
  const node = $at.nodeAfter;
  const index = $at.index() + by;
  if (!node || index < 0 || index >= $at.parent.childCount) return true;
  const neighbour = $at.parent.child(index);
  const offset = state.selection.from - at;
  const to = by < 0 ? at - neighbour.nodeSize : at + neighbour.nodeSize;
  const tr = state.tr.delete(at, at + node.nodeSize).insert(to, node);
  const isWhole = state.selection instanceof NodeSelection && state.selection.from === at;
  tr.setSelection(isWhole ? NodeSelection.create(tr.doc, to) : Selection.near(tr.doc.resolve(Math.max(0, Math.min(to + offset, tr.doc.content.size)))));
  view.dispatch(tr.scrollIntoView());
  return true;
}

export function duplicate(editor, at = blockAt(editor.state)) {
  const node = at === null ? null : editor.state.doc.nodeAt(at);
  if (!node) return false;
  const tr = editor.state.tr.insert(at + node.nodeSize, node.copy(node.content));
  tr.setSelection(NodeSelection.create(tr.doc, at + node.nodeSize));
  editor.view.dispatch(tr.scrollIntoView());
  return true;
}

export function remove(editor, at = blockAt(editor.state)) {
  const node = at === null ? null : editor.state.doc.nodeAt(at);
  if (!node) return false;
  const { tr, schema } = editor.state;
  const { parent } = tr.doc.resolve(at);
  if (parent.childCount === 1) tr.replaceWith(at, at + node.nodeSize, schema.nodes.paragraph.create());
  else tr.delete(at, at + node.nodeSize);
  tr.setSelection(Selection.near(tr.doc.resolve(Math.min(at, tr.doc.content.size)), -1));
  editor.view.dispatch(tr.scrollIntoView());
  editor.view.focus();
  return true;
}

export const Moving = Extension.create({
  name: "moving",
  addKeyboardShortcuts: () => ({
    "Alt-ArrowUp": ({ editor }) => move(editor, -1),
    "Alt-ArrowDown": ({ editor }) => move(editor, 1),
    "Mod-d": ({ editor }) => duplicate(editor),
    // Selects the block with the cursor, and then lets go of it.
    Escape: ({ editor }) => {
      const at = blockAt(editor.state);
      if (at === null || editor.state.selection instanceof NodeSelection) return false;
      return editor.commands.setNodeSelection(at);
    },
  }),
});
