// The side of the canvas: the form of the selected step, and where it leads.

import { TYPES, titleOf } from "./catalogue.js";
import { button, icon, make } from "./dom.js";
import { text } from "./fields.js";
import { fieldsOf } from "./forms.js";
import { changeStep, changeTrigger, outcomesOf, stepOf, wayOf } from "./model.js";

const PANEL = "panel";

export class Panel {
  constructor(store, element, editing, closed) {
    Object.assign(this, { store, element, editing, closed });
    store.on("selected", ({ opens }) => this.#draw({ focuses: opens }));
    store.on("document", ({ from }) => (from === PANEL ? this.#refresh() : this.#draw({})));
    store.on("problems", () => this.#refresh());
  }

  get isOpen() {
    return !this.element.hidden;
  }

  close() {
    this.store.select(null);
  }

  get #step() {
    return this.store.selected ? stepOf(this.store.document, this.store.selected) : null;
  }

  #draw({ focuses = false }) {
    const step = this.#step;
    this.element.hidden = !step;
    if (!step) {
      this.element.replaceChildren();
      this.closed();
      return;
    }
    // The same control is found again, so that typing goes on.
    const kept = this.element.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const top = this.element.querySelector(".panel-body")?.scrollTop ?? 0;
    this.problems = make("div", { class: "panel-problems", role: "status" });
    this.ways = make("div", { class: "panel-ways" });
    const body = make("div", { class: "panel-body" }, this.problems, ...this.#fields(step), this.ways);
    this.element.replaceChildren(this.#head(step), body, this.#foot(step));
    this.element.setAttribute("aria-label", `Settings of ${titleOf(step)}`);
    this.#refresh();
    body.scrollTop = top;
    const again = kept ? this.element.querySelector(`[data-name="${CSS.escape(kept)}"]`) : null;
    if (again) again.focus();
    else if (focuses && kept === null && this.shown !== step.id) this.element.focus({ preventScroll: true });
    this.shown = step.id;
  }

  #head(step) {
    const { label, icon: symbol, tone } = TYPES[step.type];
    return make(
      "header",
      { class: "panel-head" },
      make("span", { class: `step-mark tone-${tone}` }, icon(symbol)),
      make("h2", { class: "clip", text: label }),
      button("Close", "cross", () => this.close(), { isQuiet: true }),
    );
  }

  #fields(step) {
    const id = step.id;
    const write = (changes, key) => this.store.change((document) => changeStep(document, id, changes), { key, from: PANEL });
    const set = (part) => {
      const { config } = stepOf(this.store.document, id);
      const changes = typeof part === "function" ? part(config) : part;
      const merged = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== undefined);
      write({ config: Object.fromEntries(merged) }, this.#typed(id));
    };
    const form = {
      step,
      store: this.store,
      set,
      now: () => stepOf(this.store.document, id).config,
      setStep: (changes) => write(changes, null),
      setTrigger: (trigger) => this.store.change((document) => changeTrigger(document, trigger), { key: this.#typed(id), from: PANEL }),
      again: () => {
        this.store.pause();
        this.#draw({});
      },
    };
    const name = text("Name on the card", step.name, (given) => write({ name: given.trim() || TYPES[step.type].label }, `${id} name`), { name: "name", maxlength: "200", placeholder: TYPES[step.type].label });
    return [...fieldsOf(form), make("details", { class: "panel-more", open: step.name !== TYPES[step.type].label }, make("summary", { class: "small muted", text: "Name" }), name)];
  }

  // What is typed into one field is taken back at once; all else by itself.
  #typed(id) {
    const { activeElement } = document;
    const isTyping = this.element.contains(activeElement) && activeElement.matches("input:not([type=checkbox], [type=radio]), textarea");
    return isTyping ? `${id} ${activeElement.dataset.name}` : null;
  }

  #foot(step) {
    if (step.type === "TRIGGER") return "";
    return make("footer", { class: "panel-foot" }, button("Delete step…", "bin", () => this.editing.remove(step.id), { class: "button-quiet-danger" }));
  }

  // What changes while one writes: problems, and where the step leads.
  #refresh() {
    const step = this.#step;
    if (!step || this.element.hidden) return;
    const found = this.store.problemsOf(step.id);
    this.problems.replaceChildren(...found.map(({ message, severity }) => make("p", { class: `notice ${severity === "error" ? "notice-bad" : "notice-warn"}`, text: message })));
    this.ways.replaceChildren(...this.#ways(step));
  }

  #ways(step) {
    const outcomes = outcomesOf(step);
    if (!outcomes.length) return [];
    return [
      make("h3", { text: "What comes next" }),
      make("ul", { class: "ways" }, ...outcomes.map((outcome) => this.#way(step, outcome))),
    ];
  }

  #way(step, { key, label }) {
    const way = wayOf(this.store.document, step.id, key);
    const target = way ? stepOf(this.store.document, way.toStepId) : null;
    const words = label ? ` for “${label}”` : "";
    const small = { class: "button-small" };
    return make(
      "li",
      { class: "way", "data-outcome": key },
      make("div", { class: "way-words" }, label ? make("span", { class: "way-label", text: label }) : null, make("span", { class: target ? "clip" : "muted", text: target ? titleOf(target) : "Nothing yet: people are done" })),
      make(
        "div",
        { class: "row" },
        target ? button("Insert…", null, () => this.editing.insert(way.id), { ...small, "aria-label": `Insert a step${words}` }) : button("Add step…", null, () => this.editing.addAfter(step.id, key), { ...small, "aria-label": `Add a step${words}` }),
        button("Connect…", null, () => this.editing.connectFrom(step.id, key), { ...small, "aria-label": `Connect${words} to a step…` }),
        target ? button("Disconnect", null, () => this.editing.disconnect(step.id, key), { class: "button-small button-quiet", "aria-label": `Disconnect${words}` }) : null,
      ),
    );
  }
}
