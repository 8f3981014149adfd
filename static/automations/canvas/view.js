// The cards of the steps, in the order in which people come to them.

import { TYPES, summary, titleOf } from "./catalogue.js";
import { icon, make } from "./dom.js";
import { SIZE, flow, outcomesOf, wayOf } from "./model.js";

const shown = new Intl.NumberFormat("en");

export class View {
  #cards = new Map();

  constructor(store, list) {
    this.store = store;
    this.list = list;
  }

  render() {
    const { document } = this.store;
    const order = flow(document);
    const gone = new Set(this.#cards.keys());
    order.forEach((step, at) => {
      gone.delete(step.id);
      const card = this.#cards.get(step.id) ?? this.#make(step);
      this.#fill(card, step, `Step ${at + 1} of ${order.length}`);
      // Moved only if it has to be: what is moved loses the focus.
      if (this.list.children[at] !== card.item) this.list.insertBefore(card.item, this.list.children[at] ?? null);
    });
    for (const id of gone) {
      this.#cards.get(id).item.remove();
      this.#cards.delete(id);
    }
    this.mark();
    this.count();
  }

  #make(step) {
    const card = {
      title: make("span", { class: "step-title" }),
      words: make("span", { class: "step-words" }),
      flag: make("span", { class: "step-flag", hidden: true }, icon("warning")),
      figures: make("span", { class: "step-figures num" }),
      ports: make("div", { class: "step-ports" }),
    };
    const { label, icon: symbol, tone } = TYPES[step.type];
    card.main = make(
      "button",
      { type: "button", class: "step-card" },
      make("span", { class: `step-mark tone-${tone}` }, icon(symbol)),
      make("span", { class: "step-text" }, make("span", { class: "step-type", text: label }), card.title, card.words),
      card.flag,
    );
    card.item = make("li", { class: "step", "data-step": step.id, "data-type": step.type }, card.main, card.figures, card.ports);
    this.#cards.set(step.id, card);
    return card;
  }

  #fill(card, step, place) {
    const { document, choices } = this.store;
    const words = summary(step, document, choices);
    card.title.textContent = step.name && step.name !== TYPES[step.type].label ? step.name : "";
    card.title.hidden = !card.title.textContent;
    card.words.textContent = words;
    card.words.title = words;
    card.label = [place, TYPES[step.type].label, card.title.textContent, words].filter(Boolean).join(". ");
    this.#ports(card, step);
    this.put(step.id, step.position);
  }

  #ports(card, step) {
    const { document } = this.store;
    const outcomes = outcomesOf(step);
    const isLabelled = outcomes.length > 1 || step.type === "WAIT_FOR_EVENT";
    card.ports.replaceChildren(
      ...outcomes.map(({ key, label }, at) => {
        const isTaken = Boolean(wayOf(document, step.id, key));
        const way = label ? `“${label}” of ${titleOf(step)}` : titleOf(step);
        const port = make(
          "button",
          { type: "button", class: isTaken ? "port" : "port is-free", tabindex: "-1", "data-outcome": key, "aria-label": isTaken ? `Lead ${way} elsewhere` : `Add a step after ${way}` },
          isTaken ? null : icon("plus"),
          isLabelled && !isTaken ? make("span", { class: "port-label clip", text: label }) : null,
        );
        port.style.left = `${portX(at, outcomes.length)}px`;
        return port;
      }),
    );
  }

  put(id, position) {
    const { item } = this.#cards.get(id);
    item.style.left = `${position.x}px`;
    item.style.top = `${position.y}px`;
  }

  // Shows what is selected and what is wrong.
  mark() {
    for (const [id, card] of this.#cards) {
      const problems = this.store.problemsOf(id);
      const isError = problems.some(({ severity }) => severity === "error");
      card.item.classList.toggle("is-selected", id === this.store.selected);
      card.item.classList.toggle("has-errors", isError);
      card.item.classList.toggle("has-warnings", problems.length > 0 && !isError);
      card.flag.hidden = !problems.length;
      card.flag.title = problems.map(({ message }) => message).join("\n");
      this.#say(id, card);
    }
  }

  count() {
    for (const [id, card] of this.#cards) {
      const { here, passed, parked } = this.#figures(id);
      const parts = [
        here ? make("span", { class: "is-here", text: `${shown.format(here)} here now` }) : null,
        passed ? make("span", { text: `${shown.format(passed)} passed` }) : null,
        parked ? make("span", { class: "is-parked", text: `${shown.format(parked)} stopped` }) : null,
      ].filter(Boolean);
      card.figures.replaceChildren(...parts);
      this.#say(id, card);
    }
  }

  #figures(id) {
    const counts = this.store.counts[id] ?? {};
    const passed = Object.entries(counts).reduce((sum, [key, number]) => (key.startsWith("@") ? sum : sum + number), 0);
    return { here: counts["@here"] ?? 0, passed, parked: counts["@parked"] ?? 0 };
  }

  #say(id, card) {
    const { here, passed } = this.#figures(id);
    const problems = this.store.problemsOf(id).map(({ message }) => message);
    const figures = here || passed ? `${here} here now, ${passed} passed` : "";
    card.main.setAttribute("aria-label", [card.label, figures, ...problems].filter(Boolean).join(". "));
    card.main.setAttribute("aria-expanded", String(id === this.store.selected));
  }

  focus(id) {
    this.#cards.get(id)?.main.focus({ preventScroll: true });
  }
}

export function portX(at, of) {
  return of === 1 ? SIZE.width / 2 : (SIZE.width * (at + 0.5)) / of;
}
