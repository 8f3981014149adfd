"use strict";

// -- choosing contacts of the list: some, or all that match ----------------------------
function ticks(form) {
  return [...form.querySelectorAll("[data-tick]")];
}

function showChosen(form) {
  const chosen = ticks(form).filter((tick) => tick.checked);
  const bar = form.querySelector("[data-bulk]");
  const head = form.querySelector("[data-tick-all]");
  const all = form.querySelector("[data-choose-all]");
  const isEverybody = form.dataset.everybody === "yes";
  head.checked = chosen.length > 0 && chosen.length === ticks(form).length;
  head.indeterminate = chosen.length > 0 && !head.checked;
  bar.classList.toggle("is-open", chosen.length > 0);
  form.querySelector("[data-scope]").value = isEverybody ? "all" : "ids";
  form.querySelector("[data-chosen-count]").textContent = isEverybody ? "All that match" : String(chosen.length);
  form.querySelector("[data-chosen-words]").textContent = " chosen";
  if (all) all.hidden = isEverybody || !head.checked;
}

let lastTick = null;

function tick(form, box, isRange) {
  const boxes = ticks(form);
  if (isRange && lastTick && boxes.includes(lastTick)) {
    const [from, to] = [boxes.indexOf(lastTick), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
  }
  lastTick = box;
  delete form.dataset.everybody;
  showChosen(form);
}

// -- rows of data: the field fits the type, rows come and go ---------------------------
const FIELDS = {
  boolean: () => choice(["yes", "no"]),
  number: () => line({ type: "text", inputMode: "decimal" }),
  date: () => line({ type: "date" }),
  list: () => area("Value, one entry in each line", 3),
  json: () => area("Value", 3, "mono"),
  text: () => area("Value", 1),
};

function named(field, label, extra = "") {
  field.name = "value";
  field.className = `input ${extra}`.trim();
  field.setAttribute("aria-label", label);
  return field;
}

function line(properties) {
  return named(Object.assign(document.createElement("input"), properties), "Value");
}

function area(label, rows, extra) {
  return named(Object.assign(document.createElement("textarea"), { rows }), label, extra);
}

function choice(words) {
  const select = named(document.createElement("select"), "Value");
  for (const word of words) select.add(new Option(word, word));
  return select;
}

function changeType(select) {
  const row = select.closest("[data-row]");
  const before = row.querySelector("[data-row-value] [name=value]");
  const field = FIELDS[select.value]();
  field.value = before.value;
  before.replaceWith(field);
}

function addRow(button) {
  const form = button.form;
  const rows = form.querySelector("[data-rows]");
  rows.append(form.querySelector("[data-row-template]").content.cloneNode(true));
  prepareRows(form);
  rows.lastElementChild.querySelector("[name=name]").focus();
}

function removeRow(button) {
  const rows = button.closest("[data-rows]");
  const row = button.closest("[data-row]");
  const next = row.nextElementSibling || row.previousElementSibling;
  row.remove();
  (next?.querySelector?.("[name=name]") || rows).focus?.();
}

function prepareRows(root) {
  for (const button of root.querySelectorAll("[data-remove-row],[data-add-row]")) button.hidden = false;
}

// -- an action that cannot be undone: its button waits for the word ---------------------
function armDanger(field) {
  const button = field.form.querySelector("[data-armed]");
  if (button) button.disabled = field.value.trim() !== field.dataset.word;
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  const form = target.closest("[data-chosen]");
  if (target.matches("[data-tick]")) tick(form, target, event.shiftKey);
  const add = target.closest("[data-add-row]");
  if (add) addRow(add);
  const remove = target.closest("[data-remove-row]");
  if (remove) removeRow(remove);
  if (target.closest("[data-choose-all]")) {
    form.dataset.everybody = "yes";
    showChosen(form);
  }
  if (target.closest("[data-choose-none]")) {
    for (const box of ticks(form)) box.checked = false;
    delete form.dataset.everybody;
    showChosen(form);
  }
});
document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.matches?.("[data-tick-all]")) {
    const form = target.closest("[data-chosen]");
    for (const box of ticks(form)) box.checked = target.checked;
    delete form.dataset.everybody;
    showChosen(form);
  }
  if (target.matches?.("[data-row-type]")) changeType(target);
});
document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-word]")) armDanger(event.target);
});

prepareRows(document);
for (const field of document.querySelectorAll("[data-word]")) armDanger(field);
// Whoever comes back by the browser's button finds the boxes ticked as they were.
for (const form of document.querySelectorAll("[data-chosen]")) showChosen(form);
