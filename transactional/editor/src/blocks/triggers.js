// "/" opens the menu of blocks and "{{" the list of variables, where one writes.

import { Extension } from "@tiptap/core";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { icon, make } from "../dom.js";
import { variableOption } from "../options.js";
import { variable } from "./chips.js";
import { ENTRIES, search } from "./inserting.js";
import { Listbox } from "./listbox.js";

const TRIGGERS = [
  { name: "blocks", pattern: /(?:^|\s)(\/([\w ]{0,20}))$/ },
  { name: "variables", pattern: /(\{\{\s*([^{}]{0,60}))$/ },
];

// What stands before the cursor, with a sign for every chip.
function before({ $from }) {
  return $from.parent.textBetween(0, $from.parentOffset, null, "\ufffc");
}

function triggered(state) {
  const { selection } = state;
  if (!selection.empty || !selection.$from.parent.isTextblock || selection.$from.parent.type.spec.code) return null;
  const text = before(selection);
  for (const { name, pattern } of TRIGGERS) {
    const found = pattern.exec(text);
    if (!found || (name === "blocks" && selection.$from.parent.type.name === "button")) continue;
    return { name, query: found[2], from: selection.from - found[1].length, to: selection.from };
  }
  return null;
}

export function triggers({ variables, pickImage }) {
  return Extension.create({
    name: "triggers",
    addProseMirrorPlugins() {
      return [plugin(this.editor, variables, pickImage)];
    },
  });
}

function plugin(editor, variables, pickImage) {
  let current = null;
  // Where a list was sent away; it stays away until the cursor has left.
  let dismissed = null;
  const range = () => ({ from: current.from, to: current.to });
  const lists = {
    blocks: new Listbox({
      label: "Blocks",
      render: (entry) => [icon(entry.icon), make("span", { class: "pop-name", text: entry.name }), make("span", { class: "pop-hint", text: entry.hint ?? "" })],
      choose: (entry) => {
        const at = range();
        close();
        if (entry.name === "Image") {
          editor.chain().focus().deleteRange(at).run();
          pickImage();
        } else entry.insert({ editor, range: at });
      },
    }),
    variables: new Listbox({
      label: "Variables",
      render: variableOption,
      choose: (found) => {
        const at = range();
        close();
        editor.chain().focus().insertContentAt(at, { type: "variable", attrs: { source: variable(found.path) } }).run();
      },
    }),
  };

  function close() {
    for (const list of Object.values(lists)) list.hide();
    current = null;
  }

  function update(view) {
    const found = view.editable && view.hasFocus() ? triggered(view.state) : null;
    if (!found) {
      dismissed = null;
      return close();
    }
    if (dismissed === found.from) return close();
    const items = found.name === "blocks" ? search(ENTRIES, found.query) : variables.search(found.query);
    // "and/or" and "/ 3" are words: a menu without entries goes away.
    if (!items.length && (found.name === "blocks" || found.query)) return close();
    if (current && current.name !== found.name) close();
    current = found;
    lists[found.name].show(items, view.coordsAtPos(found.from), view.dom);
  }

  return new Plugin({
    key: new PluginKey("triggers"),
    props: {
      handleKeyDown(_, event) {
        if (!current) return false;
        if (event.key === "Escape") {
          dismissed = current.from;
          close();
          return true;
        }
        return lists[current.name].press(event);
      },
      handleDOMEvents: {
        blur: () => {
          close();
          return false;
        },
      },
    },
    view: () => ({
      update: (view, old) => {
        if (!view.state.doc.eq(old.doc) || !view.state.selection.eq(old.selection)) update(view);
      },
      destroy: () => Object.values(lists).forEach((list) => list.element.remove()),
    }),
  });
}
