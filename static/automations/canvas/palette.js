// Choosing from lists: a step to add, a step to lead to, how to delete.

import { ADDABLE, TYPES, plural, summary, titleOf } from "./catalogue.js";
import { ask, button, icon, make } from "./dom.js";
import { downstream, flow, onlyAfter, stepOf, targetsOf } from "./model.js";

function entries(list, close) {
  return make(
    "ul",
    { class: "pick" },
    ...list.map(({ value, label, hint, symbol, tone }) =>
      make(
        "li",
        {},
        make(
          "button",
          { type: "button", class: "pick-item", click: () => close(value) },
          make("span", { class: `step-mark tone-${tone}` }, icon(symbol)),
          make("span", { class: "pick-text" }, make("strong", { text: label }), make("small", { text: hint })),
        ),
      ),
    ),
  );
}

function cancel(close) {
  return make("div", { class: "ask-actions" }, button("Cancel", null, () => close(null), { class: "button-quiet" }));
}

// Resolves to a type of step, or null; `others` are further answers.
export function pickType(title, { canExit = true, others = [] } = {}) {
  const types = ADDABLE.filter((type) => canExit || type !== "EXIT");
  const list = types.map((type) => ({ value: type, symbol: TYPES[type].icon, ...TYPES[type] }));
  return ask(title, (close) => [
    entries([...list, ...others], close),
    cancel(close),
  ], { class: "ask-pick" });
}

// Resolves to the id of a step that `id` may lead to, or null.
export function pickTarget(store, id) {
  const { document, choices } = store;
  const fits = flow(document).filter((step) => step.type !== "TRIGGER" && step.id !== id && !downstream(document, step.id).has(id));
  const list = fits.map((step) => ({
    value: step.id, label: titleOf(step), hint: summary(step, document, choices), symbol: TYPES[step.type].icon, tone: TYPES[step.type].tone,
  }));
  const none = make("p", { class: "muted ask-body", text: "There is no other step that it could lead to. Add one first." });
  return ask("Lead to which step?", (close) => [list.length ? entries(list, close) : none, cancel(close)], { class: "ask-pick" });
}

// Asks how a step is to be deleted; resolves to {how: "alone" | "after", onward} or null.
export function pickRemoval(store, id) {
  const { document } = store;
  const step = stepOf(document, id);
  const targets = targetsOf(document, id);
  const after = onlyAfter(document, id).size - 1;
  const here = store.counts[id]?.["@here"] ?? 0;
  const select = make("select", { class: "input", "aria-label": "Where people go on" }, ...targets.map((target) => make("option", { value: target, text: titleOf(stepOf(document, target)) })));
  const onward = targets.length > 1 ? make("label", { class: "stack-s" }, "People who come to it then go on at", select) : null;
  return ask(`Delete “${titleOf(step)}”?`, (close) => [
    make(
      "div",
      { class: "ask-body" },
      make("p", { text: targets.length ? "Only this step: what comes before is joined to what comes after." : "Nothing comes after it." }),
      onward,
      after > 0 ? make("p", { text: `This step and everything after it: ${plural(after, "more step")} that nothing else leads to.` }) : null,
      here ? make("p", { class: "notice notice-warn", text: `${plural(here, "person")} here now. They finish on their own version, unless you move them when you publish.` }) : null,
      make("p", { class: "muted small", text: "You can take it back with Undo." }),
    ),
    make(
      "div",
      { class: "ask-actions" },
      button("Delete only this step", null, () => close({ how: "alone", onward: targets.length ? select.value : undefined }), { class: "button-danger" }),
      after > 0 ? button("Delete it and everything after", null, () => close({ how: "after" }), { class: "button-danger" }) : null,
      button("Cancel", null, () => close(null), { class: "button-quiet" }),
    ),
  ]);
}
