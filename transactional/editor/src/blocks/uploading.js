// Pictures that are dropped, pasted or chosen go to the project, and then into the mail.

import { Extension } from "@tiptap/core";
import { NodeSelection, Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { make } from "../dom.js";
import { depthOf } from "./inserting.js";

const key = new PluginKey("uploads");

function picturesOf(transfer) {
  return [...(transfer?.files ?? [])].filter(({ type }) => type.startsWith("image/"));
}

// `upload(file)` resolves to {url, width, height, name}, or says why not by an
// Error; its `url`, if any, is where that can be mended.
export function uploads({ upload, say }) {
  return Extension.create({
    name: "uploads",
    addProseMirrorPlugins() {
      const { editor } = this;
      const take = (files, position) => files.forEach((file) => insert(editor, file, position, { upload, say }));
      return [
        new Plugin({
          key,
          state: {
            init: () => DecorationSet.empty,
            apply(tr, set) {
              const mapped = set.map(tr.mapping, tr.doc);
              const { add, done } = tr.getMeta(key) ?? {};
              if (add) return mapped.add(tr.doc, [Decoration.widget(add.position, waiting(add.name), { id: add.id, side: 1 })]);
              return done ? mapped.remove(mapped.find(null, null, ({ id }) => id === done)) : mapped;
            },
          },
          props: {
            decorations: (state) => key.getState(state),
            handlePaste: (view, event) => {
              const files = picturesOf(event.clipboardData);
              // A table copied from a spreadsheet comes with a picture of itself.
              if (!files.length || event.clipboardData.types.includes("text/html")) return false;
              take(files, view.state.selection.to);
              return true;
            },
            handleDrop: (view, event, _, moved) => {
              const files = moved ? [] : picturesOf(event.dataTransfer);
              if (!files.length) return false;
              event.preventDefault();
              take(files, view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos ?? view.state.doc.content.size);
              return true;
            },
          },
        }),
      ];
    },
  });
}

const waiting = (name) => () => make("div", { class: "mail-upload", role: "status", text: `Uploading ${name}…` });

async function insert(editor, file, position, { upload, say }) {
  const id = {};
  const at = between(editor.state.doc, position);
  editor.view.dispatch(editor.state.tr.setMeta(key, { add: { id, position: at, name: file.name } }));
  const finish = () => {
    const [found] = key.getState(editor.state).find(null, null, (spec) => spec.id === id);
    const tr = editor.state.tr.setMeta(key, { done: id });
    return { at: found?.from, tr };
  };
  try {
    const picture = await upload(file);
    const { at: place, tr } = finish();
    if (place !== undefined) put(tr, place, picture, editor.state.schema);
    editor.view.dispatch(tr);
  } catch (error) {
    editor.view.dispatch(finish().tr);
    say(error.message, error.url);
  }
}

// The end of the block that a position is in.
function between(doc, position) {
  const $position = doc.resolve(Math.min(position, doc.content.size));
  const depth = depthOf($position);
  return depth ? $position.after(depth) : position;
}

function put(tr, at, picture, schema) {
  const node = schema.nodes.image.create(attributesOf(picture));
  const before = tr.doc.resolve(at).nodeBefore;
  const isEmpty = before?.type.name === "paragraph" && before.content.size === 0;
  const from = isEmpty ? at - before.nodeSize : at;
  tr.replaceWith(from, at, node);
  tr.setSelection(NodeSelection.create(tr.doc, from));
}

// A mail is 600 pixels wide; a smaller picture stays as large as it is.
function attributesOf({ url, width, name }) {
  return { src: url, alt: (name ?? "").replace(/\.[^.]*$/, "").replace(/[-_]+/g, " "), width: width ? Math.min(width, 600) : null };
}

// Puts an uploaded picture in place of another one's address.
export async function replace(editor, position, file, { upload, say }) {
  try {
    const { url, width } = await upload(file);
    if (editor.state.doc.nodeAt(position)?.type.name !== "image") return;
    const { tr } = editor.state;
    tr.setNodeAttribute(position, "src", url);
    if (width) tr.setNodeAttribute(position, "width", Math.min(width, 600));
    editor.view.dispatch(tr);
  } catch (error) {
    say(error.message, error.url);
  }
}

export function insertFiles(editor, files, options) {
  for (const file of files) insert(editor, file, editor.state.selection.to, options);
}
