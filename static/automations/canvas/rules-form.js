// Rules as segments have them: a flat list of them, all or any; what is nested, as JSON.

import { button, make } from "./dom.js";
import { kindOf, longText, note, number, row, select, suggested, text, valueOf } from "./fields.js";

export function simpleTree(logic, filters) {
  return { logic, groups: logic === "AND" ? [{ filters }] : filters.map((filter) => ({ filters: [filter] })) };
}

// Returns {logic, filters} of a tree that is a flat list, else null.
export function flatOf({ logic, groups }) {
  if (!Array.isArray(groups) || groups.some((group) => group.conditions || !group.filters?.length)) return null;
  const isOne = groups.every((group) => group.filters.length === 1);
  if (logic === "OR" && isOne) return { logic, filters: groups.map((group) => group.filters[0]) };
  return logic === "AND" || groups.length === 1 ? { logic: "AND", filters: groups.flatMap((group) => group.filters) } : null;
}

export function rulesForm(form) {
  const { step, set, again } = form;
  const flat = flatOf(step.config.filter);
  if (!flat) return [asJson(form)];
  const write = (logic, filters) => {
    set({ filter: simpleTree(logic, filters) });
  };
  const rules = flat.filters.map((_, at) => {
    const tell = (part, isNew = false) => {
      flat.filters[at] = isNew ? part : { ...flat.filters[at], ...part };
      write(flat.logic, flat.filters);
    };
    const remove = () => {
      write(flat.logic, flat.filters.filter((__, other) => other !== at));
      again();
    };
    const isOnly = flat.filters.length === 1;
    return make("fieldset", { class: "canvas-branch stack-s" }, make("legend", { class: "label", text: `Rule ${at + 1}` }), ...ruleFields(form, () => flat.filters[at], tell, at), isOnly ? null : button("Remove this rule", "bin", remove, { class: "button-small button-quiet" }));
  });
  const add = () => {
    write(flat.logic, [...flat.filters, { field: "subscribed", operator: "equals", value: true }]);
    again();
  };
  return [
    select("Yes means", flat.logic, [["AND", "All rules fit"], ["OR", "Any rule fits"]], (logic) => { write(logic, flat.filters); again(); }, { name: "logic" }),
    ...rules,
    button("Another rule", "plus", add, { class: "button-small" }),
  ];
}

function asJson({ step, set }) {
  const told = (given) => {
    try {
      set({ filter: JSON.parse(given) });
    } catch {
      // Half-written; the last that could be read stays.
    }
  };
  const box = longText("Rules, as JSON", JSON.stringify(step.config.filter, null, 2), told, { name: "filter", rows: "12", class: "mono" });
  return make("div", { class: "stack-s" }, box, note("These rules are nested, so they are shown as they are stored."));
}

// `now` returns the rule as it is, also after something was typed.
function ruleFields({ store, again }, now, tell, at) {
  const filter = now();
  const { fields, kinds, units } = store.choices;
  const family = fields.find(({ name }) => name === filter.field) ?? fields.find(({ name }) => name.endsWith(".") && filter.field.startsWith(name));
  const rest = family?.name.endsWith(".") ? filter.field.slice(family.name.length) : "";
  const operators = kinds.find(({ name }) => name === family?.kind)?.operators ?? [];
  const takes = operators.find(({ value }) => value === filter.operator)?.takes ?? "value";
  const groups = [...new Set(fields.map(({ group }) => group))].map((title) => ({ title, options: fields.filter(({ group }) => group === title).map(({ name, label }) => [name, label]) }));
  const pickField = (name) => {
    const chosen = fields.find((field) => field.name === name);
    const operator = kinds.find((kind) => kind.name === chosen.kind).operators[0];
    tell(begun(name, chosen, operator), true);
    again();
  };
  const pickOperator = (value) => {
    const operator = operators.find((one) => one.value === value);
    tell(begun(now().field, family, operator, now().value), true);
    again();
  };
  return [
    select("About", family?.name ?? filter.field, groups, pickField, { name: `about-${at}` }),
    family?.names ? restField(family, rest, (value) => tell({ field: family.name + value }), at) : null,
    select("Comparison", filter.operator, operators.map(({ value, label }) => [value, label]), pickOperator, { name: `operator-${at}` }),
    ...valueFields(takes, family, now, tell, again, units, at),
  ].filter(Boolean);
}

function restField(family, rest, told, at) {
  const names = family.names.map(({ value, label }) => [value, label || value]);
  if (family.is_open) return suggested(family.prompt, rest, names.map(([value]) => value), told, { name: `rest-${at}` });
  return select(family.prompt, rest, [["", family.prompt], ...names], told, { name: `rest-${at}` });
}

// A rule with what its operator needs to begin with.
function begun(field, family, { value: operator, takes }, before) {
  if (takes === "window") return { field, operator, value: 30, unit: "days" };
  if (takes === "count") return { field, operator, count: 1 };
  if (takes === "nothing") return { field, operator };
  const first = family?.options?.[0]?.value;
  return { field, operator, value: before !== undefined && typeof before !== "object" ? before : family?.kind === "boolean" ? true : first ?? "" };
}

function valueFields(takes, family, now, tell, again, units, at) {
  const filter = now();
  if (takes === "nothing") return [];
  if (takes === "count") return [number("How many times", filter.count, (count) => tell({ count }), { name: `count-${at}`, min: "1" })];
  if (takes === "window") {
    return [row(number("How many", filter.value, (value) => tell({ value }), { name: `value-${at}`, min: "1" }), select("Unit", filter.unit ?? "days", units.map(({ value, label }) => [value, label]), (unit) => tell({ unit }), { name: `unit-${at}` }))];
  }
  if (family?.kind === "boolean") return [select("Value", String(filter.value), [["true", "Yes"], ["false", "No"]], (value) => tell({ value: value === "true" }), { name: `value-${at}` })];
  if (family?.options?.length) return [select("Value", filter.value, family.options.map(({ value, label }) => [value, label]), (value) => tell({ value }), { name: `value-${at}` })];
  if (family?.name !== "data.") return [text("Value", filter.value, (value) => tell({ value }), { name: `value-${at}`, type: /moment/i.test(family?.kind ?? "") ? "date" : "text" })];
  const kind = kindOf(filter.value);
  const pickKind = (wish) => {
    tell({ value: wish === "boolean" ? true : valueOf(wish, now().value) ?? 0 });
    again();
  };
  return [
    row(
      kind === "boolean"
        ? select("Value", String(filter.value), [["true", "Yes"], ["false", "No"]], (value) => tell({ value: value === "true" }), { name: `value-${at}` })
        : text("Value", filter.value, (value) => tell({ value: valueOf(kind, value) ?? "" }), { name: `value-${at}`, type: kind === "number" ? "number" : "text" }),
      select("Kind", kind, [["text", "Text"], ["number", "Number"], ["boolean", "Yes or no"]], pickKind, { name: `kind-${at}` }),
    ),
  ];
}
