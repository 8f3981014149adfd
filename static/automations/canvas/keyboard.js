// The keyboard: through the steps in the order of the flow, and what may be done to one.

import { flow } from "./model.js";

const STEP_PX = 24;
const AHEAD = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
const BY = { ArrowDown: [0, STEP_PX], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowLeft: [-STEP_PX, 0] };

export function listen(store, { root, area, view, editing, reveal, viewport, closePanel }) {
  area.addEventListener("keydown", (event) => {
    const id = event.target.closest?.("[data-step]")?.dataset.step;
    if (id && onStep(id, event)) event.preventDefault();
  });
  area.addEventListener("focusin", (event) => {
    const id = event.target.closest?.("[data-step]")?.dataset.step;
    if (id && event.target.matches(":focus-visible")) reveal(id);
  });
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (anywhere(event)) event.preventDefault();
  });

  function onStep(id, event) {
    if (event.altKey && BY[event.key]) {
      editing.move(id, ...BY[event.key]);
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (AHEAD[event.key]) return go(id, AHEAD[event.key]);
    if (event.key === "Home") return to(0);
    if (event.key === "End") return to(-1);
    if (event.key === "Delete" || event.key === "Backspace") {
      editing.remove(id);
      return true;
    }
    return false;
  }

  function go(id, by) {
    const order = flow(store.document);
    const at = order.findIndex((step) => step.id === id) + by;
    if (order[at]) view.focus(order[at].id);
    return true;
  }

  function to(at) {
    view.focus(flow(store.document).at(at).id);
    return true;
  }

  function anywhere(event) {
    const isTyping = event.target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
    const isCommand = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (isCommand && !isTyping && key === "z") {
      if (event.shiftKey) store.redo();
      else store.undo();
      return true;
    }
    if (isCommand && !isTyping && key === "y") {
      store.redo();
      return true;
    }
    if (event.key === "Escape" && root.contains(event.target === document.body ? root : event.target)) return closePanel();
    if (isTyping || isCommand || event.altKey) return false;
    if (event.key === "+" || event.key === "=") viewport.zoom(1.2);
    else if (event.key === "-") viewport.zoom(1 / 1.2);
    else if (event.key === "0") viewport.fit(store.document.steps);
    else if (key === "a" && area.contains(event.target)) editing.add();
    else return false;
    return true;
  }
}
