"use strict";

// The builder of a segment's condition. What the controls say is the condition: it is
// read from them and written, as JSON, into the textarea that the form sends.
(() => {
  const root = document.querySelector("[data-builder]");
  if (!root) return;
  const config = JSON.parse(document.getElementById("builder-config").textContent);
  const form = root.closest("form");
  const source = form.elements.condition;
  // A page that counts in its own way has no preview; it listens for `rules`.
  const status = document.querySelector("[data-preview]");
  const kinds = new Map(config.kinds.map((kind) => [kind.name, kind]));
  const fields = new Map(config.fields.map((field) => [field.name, field]));
  // The controls of each rule, group and tree.
  const parts = new WeakMap();
  let serial = 0;

  // -- elements -----------------------------------------------------------------------
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === false) continue;
      if (name in element && typeof value !== "string") element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${config.icons}#${name}`);
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return svg;
  }

  function button(label, symbol, act, { quiet = false } = {}) {
    const element = make("button", {
      type: "button",
      class: quiet ? "icon-button" : "button button-small",
      title: quiet ? label : undefined,
    });
    element.append(icon(symbol), quiet ? make("span", { class: "visually-hidden" }, label) : label);
    element.addEventListener("click", act);
    return element;
  }

  function choice(options, value, label, part) {
    const select = make("select", { class: "input", "aria-label": label, "data-part": part });
    for (const option of options) {
      select.append(make("option", { value: option.value, disabled: option.disabled === true }, option.label));
    }
    if (value !== undefined && value !== "" && !options.some((option) => option.value === value)) {
      // What a condition names may be gone meanwhile; it stays visible until it is changed.
      select.append(make("option", { value }, `${value} (not there any more)`));
    }
    if (value !== undefined) select.value = value;
    return select;
  }

  function entry(value, label, part, attributes = {}) {
    return make("input", {
      class: "input", type: "text", autocomplete: "off", spellcheck: "false",
      "aria-label": label, "data-part": part, value: String(value ?? ""), ...attributes,
    });
  }

  // -- one rule -----------------------------------------------------------------------
  function split(field) {
    if (fields.has(field)) return [fields.get(field), ""];
    const dot = field.indexOf(".");
    const family = fields.get(field.slice(0, dot + 1));
    return family ? [family, field.slice(dot + 1)] : [undefined, field];
  }

  function fieldChoice(name) {
    const select = make("select", { class: "input rule-field", "aria-label": "What the rule is about", "data-part": "field" });
    for (const title of [...new Set(config.fields.map((field) => field.group))]) {
      const group = make("optgroup", { label: title });
      for (const field of config.fields.filter((each) => each.group === title)) {
        const isEmpty = field.names !== undefined && !field.is_open && !field.names.length;
        group.append(make("option", { value: field.name, disabled: isEmpty }, isEmpty ? `${field.label} (none yet)` : field.label));
      }
      select.append(group);
    }
    if (!fields.has(name)) select.append(make("option", { value: name }, name));
    select.value = name;
    return select;
  }

  function makeRule(filter) {
    const rule = make("div", { class: "rule", role: "group" });
    const [field, rest] = split(filter.field);
    const controls = {
      field: fieldChoice(field ? field.name : filter.field),
      rest: make("span", { class: "rule-rest" }),
      operator: make("span", { class: "rule-operator" }),
      value: make("span", { class: "rule-value" }),
      error: make("p", { class: "rule-error", hidden: true, id: `rule-error-${++serial}` }),
    };
    parts.set(rule, controls);
    controls.field.addEventListener("change", () => {
      const chosen = fields.get(controls.field.value);
      fillRest(rule, chosen, "");
      fillOperator(rule, chosen, undefined);
      fillValue(rule, {});
      changed();
    });
    const tools = make(
      "span", { class: "rule-tools" },
      button("Duplicate this rule", "copy", () => {
        const copy = makeRule(readRule(rule));
        rule.after(copy);
        changed();
        focusFirst(copy);
      }, { quiet: true }),
      button("Remove this rule", "cross", () => {
        const next = rule.nextElementSibling || rule.previousElementSibling;
        const group = rule.closest(".group");
        rule.remove();
        changed();
        focusFirst(next || group);
      }, { quiet: true }),
    );
    rule.append(
      make("div", { class: "rule-line" }, controls.field, controls.rest, controls.operator, controls.value),
      tools, controls.error,
    );
    fillRest(rule, field, rest);
    fillOperator(rule, field, filter.operator);
    fillValue(rule, filter);
    return rule;
  }

  function fillRest(rule, field, rest) {
    const holder = parts.get(rule).rest;
    holder.replaceChildren();
    holder.hidden = !field || field.names === undefined;
    if (holder.hidden) return;
    if (!field.is_open) {
      const select = choice(
        [{ value: "", label: field.prompt, disabled: true }, ...field.names], rest, field.label, "rest",
      );
      holder.append(select);
      return;
    }
    const list = make("datalist", { id: `names-${++serial}` });
    for (const name of field.names) list.append(make("option", { value: name.value }, name.label));
    const input = entry(rest, field.prompt, "rest", { placeholder: field.prompt, list: list.id });
    input.addEventListener("change", () => {
      // A key that is known says of which type its values are.
      if (kindOf(rule) === "data" && isBlankValue(rule)) fillValue(rule, {});
      else suggest(rule);
    });
    holder.append(input, list);
  }

  function kindOf(rule) {
    const [field] = split(fieldName(rule));
    return field ? field.kind : "";
  }

  function fieldName(rule) {
    const { field, rest } = parts.get(rule);
    const input = rest.querySelector("[data-part=rest]");
    return rest.hidden || !input ? field.value : field.value + input.value.trim();
  }

  function fillOperator(rule, field, operator) {
    const holder = parts.get(rule).operator;
    const options = field ? kinds.get(field.kind).operators : [];
    const select = choice(options, operator ?? options[0]?.value, "Condition", "operator");
    const shape = () => (kinds.get(field?.kind)?.operators || []).find((option) => option.value === select.value)?.takes;
    let before = shape();
    select.addEventListener("change", () => {
      if (shape() !== before) fillValue(rule, {});
      before = shape();
      changed();
    });
    holder.replaceChildren(select);
  }

  function takes(rule) {
    const [field] = split(fieldName(rule));
    const operator = parts.get(rule).operator.querySelector("select").value;
    const known = (kinds.get(field?.kind)?.operators || []).find((option) => option.value === operator);
    return known ? known.takes : "value";
  }

  function fillValue(rule, filter) {
    const holder = parts.get(rule).value;
    holder.replaceChildren();
    const shape = takes(rule);
    if (shape === "window") holder.append(...window_(filter.value ?? 30, filter.unit ?? "days"));
    else if (shape === "count") holder.append(...counted(filter));
    else if (shape === "value") holder.append(...values(rule, filter.value));
    holder.hidden = shape === "nothing";
    suggest(rule);
  }

  function number(value, label, part) {
    return entry(value, label, part, { class: "input rule-number", inputmode: "numeric" });
  }

  function window_(value, unit) {
    return [number(value, "How many", "value"), choice(config.units, unit, "Unit", "unit")];
  }

  function counted(filter) {
    const spans = [{ value: "", label: "ever" }, { value: "window", label: "within the last" }];
    const has = filter.value !== undefined;
    const select = choice(spans, has ? "window" : "", "When", "span");
    const inner = make("span", { class: "rule-window", hidden: !has }, ...window_(filter.value ?? 30, filter.unit ?? "days"));
    select.addEventListener("change", () => {
      inner.hidden = select.value === "";
    });
    return [number(filter.count ?? 1, "How many times", "count"), make("span", { class: "rule-word" }, "times"), select, inner];
  }

  const YES_NO = [{ value: "true", label: "yes" }, { value: "false", label: "no" }];
  const IS_DATE = /^\d{4}-\d{2}-\d{2}$/;

  function values(rule, value) {
    const [field] = split(fieldName(rule));
    const kind = field ? field.kind : "";
    if (kind === "boolean") return [choice(YES_NO, String(value ?? true), "Value", "value")];
    if (kind === "choice") return [choice(field.options, value ?? field.options[0]?.value, "Value", "value")];
    if (kind === "moment" || kind === "optional moment") {
      const isDay = value === undefined || IS_DATE.test(value);
      return [entry(value, "Date", "value", { type: isDay ? "date" : "text" })];
    }
    if (kind === "data") return dataValue(rule, value);
    return [entry(value, "Value", "value", { placeholder: kind === "address" ? "such as @example.com" : "" })];
  }

  const TYPES = [
    { value: "text", label: "text" }, { value: "number", label: "number" },
    { value: "date", label: "date" }, { value: "boolean", label: "yes or no" },
  ];

  function typeOf(rule, value) {
    if (typeof value === "number") return "number";
    if (typeof value === "boolean") return "boolean";
    if (typeof value === "string") return IS_DATE.test(value) ? "date" : "text";
    const [field, rest] = split(fieldName(rule));
    const known = field?.names?.find((name) => name.value === rest)?.type;
    return { number: "number", boolean: "boolean", date: "date" }[known] || "text";
  }

  function dataValue(rule, value) {
    const type = choice(TYPES, typeOf(rule, value), "Type of the value", "type");
    const holder = make("span", { class: "rule-typed" });
    const fill = (given) => {
      if (type.value === "boolean") holder.replaceChildren(choice(YES_NO, String(given ?? true), "Value", "value"));
      else {
        const extra = { date: { type: "date" }, number: { inputmode: "decimal" } }[type.value] || {};
        holder.replaceChildren(entry(given, "Value", "value", extra));
      }
    };
    fill(value);
    type.addEventListener("change", () => {
      fill(undefined);
      suggest(rule);
      changed();
    });
    return [type, holder];
  }

  // -- suggestions of values that contacts really have ----------------------------------
  const suggestions = new Map();

  async function suggest(rule) {
    const input = parts.get(rule).value.querySelector("input[data-part=value][type=text]");
    const field = fieldName(rule);
    if (!input || takes(rule) !== "value" || kindOf(rule) !== "data" || field === "data.") return;
    if (!suggestions.has(field)) suggestions.set(field, fetchValues(field));
    const found = await suggestions.get(field);
    if (!input.isConnected || fieldName(rule) !== field || !found.length) return;
    input.parentElement.querySelector("datalist")?.remove();
    const list = make("datalist", { id: `values-${++serial}` });
    for (const value of found) list.append(make("option", { value: String(value) }));
    input.after(list);
    input.setAttribute("list", list.id);
  }

  async function fetchValues(field) {
    try {
      const answer = await fetch(`${config.values}?field=${encodeURIComponent(field)}`, { headers: { Accept: "application/json" } });
      return answer.ok && !answer.redirected ? (await answer.json()).values : [];
    } catch {
      return []; // Suggestions are a help, not a need.
    }
  }

  // -- groups and trees -----------------------------------------------------------------
  const FIRST = { field: config.first, operator: undefined };

  function makeGroup(group) {
    const element = make("div", { class: "group", role: "group" });
    const rules = make("div", { class: "group-rules" });
    const nested = make("div", { class: "group-nested" });
    const error = make("p", { class: "rule-error", hidden: true });
    const addRule = button("Add rule", "plus", () => {
      const rule = makeRule({ ...FIRST });
      rules.append(rule);
      changed();
      focusFirst(rule);
    });
    const addTree = button("Add nested conditions", "plus", () => {
      nested.append(makeTree({ logic: "OR", groups: [{ filters: [{ ...FIRST }] }, { filters: [{ ...FIRST }] }] }));
      changed();
      focusFirst(nested);
    });
    const tools = make(
      "span", { class: "group-tools" },
      button("Duplicate this group", "copy", () => {
        const copy = makeGroup(readGroup(element, "", new Map()));
        element.after(copy);
        changed();
        focusFirst(copy);
      }, { quiet: true }),
      button("Remove this group", "cross", () => removeGroup(element), { quiet: true }),
    );
    parts.set(element, { rules, nested, error, addTree, tools });
    element.append(make("div", { class: "group-head" }, make("span", { class: "group-title" }), tools), rules, nested, error, make("div", { class: "group-foot" }, addRule, addTree));
    for (const filter of group.filters || []) rules.append(makeRule(filter));
    if (group.conditions) nested.append(makeTree(group.conditions));
    return element;
  }

  function removeGroup(group) {
    const tree = group.closest(".tree");
    const isLast = parts.get(tree).groups.children.length === 1;
    if (isLast && tree !== top) {
      const outer = tree.closest(".group");
      tree.remove();
      changed();
      focusFirst(outer);
      return;
    }
    group.remove();
    if (isLast) parts.get(tree).groups.append(makeGroup({ filters: [{ ...FIRST }] }));
    changed();
    focusFirst(tree);
  }

  function makeTree(tree) {
    const element = make("div", { class: "tree" });
    const logic = choice([{ value: "AND", label: "all" }, { value: "OR", label: "any" }], tree.logic || "AND", "How the groups go together", "logic");
    const head = make("p", { class: "tree-head" }, make("span", { "data-before": "" }), logic, make("span", {}, "of these groups"));
    const groups = make("div", { class: "tree-groups" });
    const error = make("p", { class: "rule-error", hidden: true });
    const addGroup = button("Add group", "plus", () => {
      const group = makeGroup({ filters: [{ ...FIRST }] });
      groups.append(group);
      changed();
      focusFirst(group);
    });
    parts.set(element, { logic, head, groups, error });
    element.append(head, groups, error, make("div", { class: "tree-foot" }, addGroup));
    for (const group of tree.groups || []) groups.append(makeGroup(group));
    return element;
  }

  function focusOn(element) {
    (element?.matches("select, input") ? element : element?.querySelector("select, input"))?.focus();
  }

  function focusFirst(element) {
    (element?.querySelector("select:not([disabled]), input, button") || root.querySelector("select, button"))?.focus();
  }

  // Words that depend on where an element stands: the numbers of groups, the joints
  // between them, and what a screen reader calls them.
  function describe() {
    for (const tree of root.querySelectorAll(".tree")) {
      const { logic, head, groups } = parts.get(tree);
      const isNested = tree !== top;
      const many = groups.children.length > 1;
      head.hidden = !many && !isNested;
      head.querySelector("[data-before]").textContent = isNested ? "and" : "People who match";
      tree.dataset.logic = logic.value;
      [...groups.children].forEach((group, number) => {
        group.dataset.joint = number === 0 ? "" : logic.value === "AND" ? "and" : "or";
        const { rules, nested, addTree, tools } = parts.get(group);
        const label = many || isNested ? `Group ${number + 1}` : "People who match all of these rules";
        group.querySelector(".group-title").textContent = label;
        group.setAttribute("aria-label", label);
        tools.hidden = !many && !isNested;
        addTree.hidden = nested.children.length > 0 || depth(tree) >= config.max_depth;
        [...rules.children].forEach((rule, index) => rule.setAttribute("aria-label", `Rule ${index + 1}`));
      });
    }
  }

  function depth(tree) {
    let levels = 0;
    for (let at = tree; at; at = at.parentElement.closest(".tree")) levels += 1;
    return levels;
  }

  // -- reading the condition out of the controls ----------------------------------------
  function readRule(rule) {
    const { value, operator } = parts.get(rule);
    const get = (part) => value.querySelector(`[data-part=${part}]`)?.value.trim();
    const filter = { field: fieldName(rule), operator: operator.querySelector("select").value };
    const shape = takes(rule);
    if (shape === "count") filter.count = readNumber(get("count"));
    if (shape === "window" || (shape === "count" && get("span") === "window")) {
      filter.value = readNumber(get("value"));
      filter.unit = get("unit");
    }
    if (shape === "value") filter.value = readValue(rule, get);
    return filter;
  }

  function readNumber(text) {
    const read = text === "" || text === undefined ? NaN : Number(text);
    return Number.isFinite(read) ? read : text;
  }

  function readValue(rule, get) {
    const kind = kindOf(rule);
    const type = kind === "data" ? get("type") : kind;
    if (type === "boolean") return get("value") === "true";
    if (type === "number") return readNumber(get("value"));
    // Spaces may be meant in a text.
    return parts.get(rule).value.querySelector("[data-part=value]")?.value;
  }

  function isBlankValue(rule) {
    const { value } = readRule(rule);
    return value === undefined || value === "";
  }

  // What can be told without asking the server: controls that are still empty, and
  // letters where a number is wanted.
  function emptyPart(rule) {
    const rest = parts.get(rule).rest;
    if (!rest.hidden && !rest.querySelector("[data-part=rest]")?.value.trim()) return "field";
    const filter = readRule(rule);
    return ["value", "count"].find((part) => typeof filter[part] === "string" && !filter[part].trim());
  }

  function wrongNumber(rule) {
    const filter = readRule(rule);
    const shape = takes(rule);
    const wanted = shape === "window" ? ["value"] : shape === "count" ? ["count", "value"] : isNumber(rule) ? ["value"] : [];
    return wanted.find((part) => typeof filter[part] === "string" && filter[part].trim());
  }

  function isNumber(rule) {
    return parts.get(rule).value.querySelector("[data-part=type]")?.value === "number";
  }

  function problems(places, { withEmpty }) {
    const found = [];
    for (const [path, element] of places) {
      if (!element.classList.contains("rule")) continue;
      const empty = emptyPart(element);
      const wrong = wrongNumber(element);
      if (empty && withEmpty) found.push({ field: `${path}.${empty}`, message: "Fill this in, or remove the rule." });
      if (wrong) found.push({ field: `${path}.${wrong}`, message: "Write a number, such as 12." });
    }
    return found;
  }

  function readGroup(group, path, places) {
    const { rules, nested } = parts.get(group);
    places.set(path, group);
    const read = {
      filters: [...rules.children].map((rule, number) => {
        places.set(`${path}.filters.${number}`, rule);
        return readRule(rule);
      }),
    };
    if (nested.firstElementChild) read.conditions = readTree(nested.firstElementChild, `${path}.conditions`, places);
    return read;
  }

  function readTree(tree, path, places) {
    const { logic, groups } = parts.get(tree);
    places.set(path, tree);
    return {
      logic: logic.value,
      groups: [...groups.children].map((group, number) => readGroup(group, `${path}.groups.${number}`, places)),
    };
  }

  // -- what is wrong, where it is ---------------------------------------------------------
  function showErrors(errors, places) {
    for (const error of root.querySelectorAll(".rule-error")) error.hidden = true;
    for (const control of root.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    let first = null;
    for (const { field, message } of errors) {
      let path = field;
      while (path && !places.has(path)) path = path.slice(0, Math.max(0, path.lastIndexOf(".")));
      const element = places.get(path) || top;
      const note = parts.get(element).error;
      const part = field.slice(path.length + 1);
      note.textContent = note.hidden || !note.textContent ? message : `${note.textContent} ${message}`;
      note.hidden = false;
      const control = element.querySelector(`[data-part="${part === "field" ? "rest" : part}"]`) || element.querySelector(`[data-part="${part}"]`);
      control?.setAttribute("aria-invalid", "true");
      if (note.id) control?.setAttribute("aria-describedby", note.id);
      first = first || control || element;
    }
    return first;
  }

  // -- the live count ---------------------------------------------------------------------
  const token = crypto.getRandomValues(new Uint32Array(4)).join("-");
  let timer = 0;
  let request = null;

  function say(state, text) {
    for (const element of document.querySelectorAll("[data-preview-state]")) element.dataset.previewState = state;
    status.querySelector("[data-preview-text]").textContent = text;
  }

  function schedule() {
    if (!status) {
      root.dispatchEvent(new CustomEvent("rules", { bubbles: true }));
      return;
    }
    clearTimeout(timer);
    request?.abort();
    const unfinished = [...root.querySelectorAll(".rule")].filter(emptyPart).length;
    if (unfinished) {
      showErrors([], new Map());
      say("waiting", unfinished === 1 ? "Finish the rule that has nothing in it yet." : `Finish the ${unfinished} rules that have nothing in them yet.`);
      return;
    }
    say("busy", "Counting…");
    timer = setTimeout(preview, 350);
  }

  async function preview() {
    const places = new Map();
    const condition = readTree(top, "condition", places);
    const wrong = problems(places, { withEmpty: false });
    if (wrong.length) {
      showErrors(wrong, places);
      say("wrong", "Mend what is marked to see who matches.");
      return;
    }
    const mine = (request = new AbortController());
    try {
      const answer = await fetch(config.preview, {
        method: "POST",
        signal: mine.signal,
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
        body: JSON.stringify({ condition, token }),
      });
      if (answer.redirected || !answer.headers.get("Content-Type")?.includes("json")) throw new Error("no answer");
      const body = await answer.json();
      if (mine !== request) return;
      showErrors(body.errors || [], places);
      if (answer.ok) showPreview(body);
      else if (answer.status === 409) return;
      else say("wrong", body.errors?.length ? "Mend what is marked to see who matches." : body.message);
    } catch (error) {
      if (error.name !== "AbortError" && mine === request) say("wrong", "Nobody could be counted just now. What you write is not lost; it is counted again at the next change.");
    }
  }

  const shown = new Intl.NumberFormat("en");

  function showPreview(body) {
    say("done", body.count === 1 ? "contact matches" : "contacts match");
    for (const element of document.querySelectorAll("[data-preview-count]")) element.textContent = shown.format(body.count);
    status.querySelector("[data-preview-sentence]").textContent = body.sentence;
    const sample = status.querySelector("[data-preview-sample]");
    sample.replaceChildren(...body.sample.map((person) => make("li", {}, make("a", { href: person.url, target: "_blank", rel: "noopener" }, person.email))));
    status.querySelector("[data-preview-people]").hidden = !body.sample.length;
  }

  // -- the form ---------------------------------------------------------------------------
  let saved = null;

  function written() {
    return JSON.stringify([form.elements.name?.value, form.elements.description?.value, form.elements.track_membership?.checked, source.value]);
  }

  function write() {
    source.value = JSON.stringify(readTree(top, "condition", new Map()), null, 2);
  }

  function changed() {
    describe();
    write();
    schedule();
  }

  let top = null;

  function build(condition) {
    top = makeTree(condition);
    root.replaceChildren(top);
    describe();
  }

  function read(text) {
    const condition = JSON.parse(text);
    if (!condition || !Array.isArray(condition.groups) || !condition.groups.length) throw new Error("no groups");
    return condition;
  }

  function start() {
    let condition;
    try {
      condition = read(source.value);
    } catch {
      condition = { logic: "AND", groups: [{ filters: [{ ...FIRST }] }] };
    }
    build(condition);
    const errors = JSON.parse(document.getElementById("builder-errors").textContent);
    const places = new Map();
    readTree(top, "condition", places);
    if (!errors.length) write();
    saved = form.dataset.unsaved === "yes" ? null : written();
    schedule();
    focusOn(showErrors(errors, places));
  }

  root.addEventListener("input", (event) => {
    if (event.target.matches("input")) changed();
  });
  root.addEventListener("change", (event) => {
    if (event.target.matches("select")) changed();
  });
  source.addEventListener("change", () => {
    const note = document.getElementById("condition-note");
    try {
      build(read(source.value));
      note.textContent = "";
      schedule();
    } catch {
      note.textContent = "This is not the JSON of a condition; the rules above are as they were.";
    }
  });
  for (const starter of document.querySelectorAll("[data-start]")) {
    starter.addEventListener("click", () => {
      build(JSON.parse(starter.dataset.start));
      changed();
      focusFirst(root);
    });
  }
  addEventListener("beforeunload", (event) => {
    if (saved !== written()) event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    const places = new Map();
    readTree(top, "condition", places);
    const wrong = problems(places, { withEmpty: true });
    // Rules that are not shown are not meant.
    if (wrong.length && root.offsetParent) {
      event.preventDefault();
      focusOn(showErrors(wrong, places));
      return;
    }
    saved = written();
  });
  // Open for those without this script.
  document.querySelector("[data-json]").open = false;
  document.documentElement.classList.add("has-builder");
  try {
    start();
  } catch (error) {
    // A condition that these controls cannot show can still be edited as it is.
    document.documentElement.classList.remove("has-builder");
    throw error;
  }
})();
