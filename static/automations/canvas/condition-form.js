// Conditions: one comparison with yes and no, many branches, or rules as segments have them.

import { DEEDS, OPERATORS, titleOf } from "./catalogue.js";
import { button, make } from "./dom.js";
import { kindOf, note, row, select, tabs, text, valueOf } from "./fields.js";
import { newId } from "./model.js";
import { rulesForm, simpleTree } from "./rules-form.js";

const KINDS = [["text", "Text"], ["number", "Number"], ["boolean", "Yes or no"]];
const SILENT = new Set(["exists", "notExists"]);

export function conditionForm(form) {
  const { config } = form.step;
  const kind = config.filter ? "rules" : config.mode === "multi" ? "multi" : "one";
  const pick = (wish) => {
    form.setStep({ config: shaped(wish, config) });
    form.again();
  };
  const bodies = { one: oneForm, multi: branchesForm, rules: rulesForm };
  return [tabs("Kind of condition", kind, [["one", "Yes or no"], ["multi", "Many ways"], ["rules", "Several rules"]], pick), ...bodies[kind](form)];
}

function shaped(wish, { field = "" }) {
  if (wish === "rules") return { filter: simpleTree("AND", [{ field: "subscribed", operator: "equals", value: true }]) };
  if (wish === "multi") {
    const branch = (name) => ({ id: newId(), name, operator: "equals", value: "" });
    return { mode: "multi", field, branches: [branch("First"), branch("Second")] };
  }
  return { field, operator: "equals", value: "" };
}

// What may be looked at: the contact, its data, the event, mails of other steps.
function fieldChoice({ step, store, set, again }) {
  const { field = "" } = step.config;
  const keys = store.choices.fields.find(({ name }) => name === "data.")?.names ?? [];
  const data = keys.map(({ value, label }) => [`data.${value}`, label || value]);
  const mails = store.document.steps.filter(({ type, id }) => type === "SEND_EMAIL" && id !== step.id);
  const deeds = mails.flatMap((mail) => Object.entries(DEEDS).map(([deed, words]) => [`step.${mail.id}.${deed}`, `“${mailName(mail, store)}” ${words}`]));
  const canonical = field.replace(/^contact\.data\./, "data.").replace(/^workflow\./, "event.");
  const isOther = canonical.startsWith("event.") || (canonical.startsWith("data.") && !data.some(([value]) => value === canonical));
  const family = canonical.startsWith("event.") ? "event." : isOther ? "data." : canonical;
  const options = [
    ["", "Choose what to look at"],
    { title: "Contact", options: [["contact.subscribed", "Subscribed"], ["contact.email", "Email address"], ["contact.createdAt", "Day they came"]] },
    { title: "Data of the contact", options: [...data, ["data.", "Another field…"]] },
    { title: "The event that began it", options: [["event.", "A field of the event…"]] },
    ...(deeds.length ? [{ title: "Mails of this automation", options: deeds }] : []),
  ];
  const told = (value) => {
    const isFact = value === "contact.subscribed" || value.startsWith("step.");
    set(step.config.mode === "multi" ? { field: value } : { field: value, operator: "equals", value: isFact ? true : "" });
    again();
  };
  return [
    select("Look at", family, options, told, { name: "field" }),
    isOther ? text("Name of the field", canonical.slice(family.length), (rest) => set({ field: family + rest.trim() }), { name: "rest", placeholder: "plan", hint: "Dots lead into what is nested: address.city." }) : null,
  ];
}

function mailName(step, { choices }) {
  return step.name || choices.templates.find(({ id }) => id === step.templateId)?.name || titleOf(step);
}

function oneForm(form) {
  const { step, set, again } = form;
  const { config } = step;
  const fields = fieldChoice(form);
  if (!config.field) return fields;
  if (config.field === "contact.subscribed" || config.field.startsWith("step.")) {
    return [...fields, select("Yes means", String(config.value !== false), [["true", "It is so"], ["false", "It is not so"]], (value) => set({ operator: "equals", value: value === "true" }), { name: "value" })];
  }
  return [...fields, ...comparison(form.now, set, again, "")];
}

// An operator and a value; `now` returns them, `tell` gets what has changed.
function comparison(now, tell, again, prefix) {
  const config = now();
  const kind = kindOf(config.value);
  const pickOperator = (operator) => {
    tell(SILENT.has(operator) ? { operator, value: undefined } : { operator, value: now().value ?? "" });
    again();
  };
  const pickKind = (wish) => {
    tell({ value: wish === "number" ? valueOf("number", now().value) ?? 0 : wish === "boolean" ? true : String(now().value ?? "") });
    again();
  };
  const operator = select("Comparison", config.operator, OPERATORS, pickOperator, { name: `${prefix}operator` });
  if (SILENT.has(config.operator)) return [operator];
  const value = kind === "boolean"
    ? select("Value", String(config.value), [["true", "Yes"], ["false", "No"]], (given) => tell({ value: given === "true" }), { name: `${prefix}value` })
    : text("Value", config.value, (given) => tell({ value: valueOf(kind, given) ?? "" }), { name: `${prefix}value`, type: kind === "number" ? "number" : "text", step: "any" });
  return [operator, row(value, select("Kind", kind, KINDS, pickKind, { name: `${prefix}kind` }))];
}

function branchesForm(form) {
  const { step, set, again } = form;
  const branches = step.config.branches ?? [];
  const write = (id, part) => set((config) => ({ branches: config.branches.map((branch) => (branch.id === id ? { ...branch, ...part } : branch)) }));
  const boxes = branches.map((branch, at) =>
    make(
      "fieldset",
      { class: "canvas-branch stack-s" },
      make("legend", { class: "visually-hidden", text: `Branch ${at + 1}` }),
      row(
        text("Branch", branch.name, (name) => write(branch.id, { name }), { name: `name-${branch.id}`, maxlength: "60" }),
        button("Remove this branch", "bin", () => {
          set((config) => ({ branches: config.branches.filter(({ id }) => id !== branch.id) }));
          again();
        }, { isQuiet: true }),
      ),
      ...comparison(() => form.now().branches.find(({ id }) => id === branch.id), (part) => write(branch.id, part), again, `${branch.id}-`),
    ),
  );
  const add = () => {
    set((config) => ({ branches: [...config.branches, { id: newId(), name: `Branch ${config.branches.length + 1}`, operator: "equals", value: "" }] }));
    again();
  };
  return [
    ...fieldChoice(form),
    ...boxes,
    branches.length < 20 ? button("Another branch", "plus", add, { class: "button-small" }) : null,
    note("The first branch that fits is taken; who fits none takes “Otherwise”."),
  ];
}
