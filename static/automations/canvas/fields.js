// The controls of the panel's forms; each tells what it says now.

import { make, newDomId } from "./dom.js";

function field(label, control, { hint = "", name = "" } = {}) {
  const id = newDomId("field");
  control.id = id;
  if (name) control.dataset.name = name;
  const words = hint ? make("p", { class: "hint", id: `${id}-hint`, text: hint }) : null;
  if (words) control.setAttribute("aria-describedby", words.id);
  return make("div", { class: "field" }, make("label", { for: id, text: label }), control, words);
}

export function text(label, value, told, { hint, name, ...attributes } = {}) {
  const input = make("input", { type: "text", autocomplete: "off", ...attributes, input: () => told(input.value) });
  input.value = value ?? "";
  return field(label, input, { hint, name });
}

export function longText(label, value, told, { hint, name, ...attributes } = {}) {
  const input = make("textarea", { rows: "4", spellcheck: "false", ...attributes, input: () => told(input.value) });
  input.value = value ?? "";
  return field(label, input, { hint, name });
}

// Tells null where nothing, or no number, stands.
export function number(label, value, told, { hint, name, ...attributes } = {}) {
  const read = () => (input.value === "" || Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber);
  const input = make("input", { type: "number", inputmode: "decimal", ...attributes, input: () => told(read()) });
  input.value = value ?? "";
  return field(label, input, { hint, name });
}

// Options are [value, label] or {title, options}. A value that is not offered stays to see.
export function select(label, value, options, told, { hint, name, ...attributes } = {}) {
  const control = make("select", { ...attributes, change: () => told(control.value) }, ...options.map(optionOf));
  const wanted = value ?? "";
  control.value = wanted;
  if (control.value !== String(wanted)) {
    control.append(make("option", { value: wanted, text: `${wanted} (not there any more)` }));
    control.value = wanted;
  }
  return field(label, control, { hint, name });
}

function optionOf(option) {
  if (Array.isArray(option)) return make("option", { value: option[0], text: option[1] });
  return make("optgroup", { label: option.title }, ...option.options.map(optionOf));
}

export function check(label, isOn, told, { name } = {}) {
  const input = make("input", { type: "checkbox", "data-name": name, change: () => told(input.checked) });
  input.checked = isOn;
  return make("label", { class: "field-check" }, input, make("span", { text: label }));
}

// A few answers side by side, one of them given: [[value, label]].
export function tabs(label, value, options, told) {
  const name = newDomId("tabs");
  return make(
    "fieldset",
    { class: "bare-fieldset canvas-tabs" },
    make("legend", { class: "visually-hidden", text: label }),
    ...options.map(([key, words]) => {
      const input = make("input", { type: "radio", name, value: key, "data-name": `${label}-${key}`, change: () => told(key) });
      input.checked = key === value;
      return make("label", { class: "canvas-tab" }, input, make("span", { text: words }));
    }),
  );
}

// A text with suggestions.
export function suggested(label, value, options, told, more = {}) {
  const id = newDomId("list");
  const box = text(label, value, told, { list: id, ...more });
  box.append(make("datalist", { id }, ...options.map((option) => make("option", { value: option }))));
  return box;
}

export function row(...fields) {
  return make("div", { class: "canvas-row" }, ...fields);
}

export function note(text) {
  return make("p", { class: "hint", text });
}

// Reads what was typed as the value of a kind: text, number or boolean.
export function valueOf(kind, given) {
  if (kind === "boolean") return given === true || given === "true";
  if (kind !== "number") return given;
  return given === "" || given === null || Number.isNaN(Number(given)) ? null : Number(given);
}

export function kindOf(value) {
  return typeof value === "boolean" ? "boolean" : typeof value === "number" ? "number" : "text";
}

export function zoneHere() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function zoneField(zone, store, told) {
  return suggested("Time zone", zone ?? "UTC", store.choices.zones, told, { name: "timezone", hint: "Such as Europe/Berlin." });
}
