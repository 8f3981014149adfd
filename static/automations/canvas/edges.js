// The lines between steps, with what is chosen on them and a “+” to put a step between.

import { titleOf } from "./catalogue.js";
import { drawn, icon, make } from "./dom.js";
import { SIZE, outcomeOf, outcomesOf, stepOf } from "./model.js";
import { portX } from "./view.js";

const shown = new Intl.NumberFormat("en");

export class Edges {
  #lines = new Map();

  // `insert(wayId)` is called by the “+” on a line.
  constructor(store, drawing, chips, insert) {
    Object.assign(this, { store, drawing, chips, insert });
  }

  render() {
    const { document } = this.store;
    this.#lines.clear();
    const parts = document.transitions.map((way) => this.#make(document, way)).filter(Boolean);
    this.drawing.replaceChildren(...parts.map(({ path }) => path));
    this.chips.replaceChildren(...parts.map(({ chip }) => chip));
    this.place();
    this.count();
  }

  #make(document, way) {
    const [from, to] = [stepOf(document, way.fromStepId), stepOf(document, way.toStepId)];
    if (!from || !to) return null;
    const outcome = outcomeOf(from, way);
    const outcomes = outcomesOf(from);
    const at = outcomes.findIndex(({ key }) => key === outcome);
    const label = outcomes[at]?.label ?? outcome;
    const path = drawn("path", { class: "edge", "marker-end": "url(#arrow)" });
    const plus = make(
      "button",
      { type: "button", class: "edge-plus", tabindex: "-1", "aria-label": `Insert a step between ${titleOf(from)} and ${titleOf(to)}`, title: "Insert a step here", click: () => this.insert(way.id) },
      icon("plus"),
    );
    const figure = make("span", { class: "edge-figure num" });
    const chip = make("div", { class: "edge-chip", "data-way": way.id }, label ? make("span", { class: `edge-label ${toneOf(outcome)} clip`, text: label, title: label }) : null, plus, figure);
    const line = { way, path, chip, figure, outcome, at: Math.max(at, 0), of: Math.max(outcomes.length, 1) };
    this.#lines.set(way.id, line);
    return line;
  }

  // `moved` has positions that are not in the document yet: what is being dragged.
  place(moved = new Map()) {
    const { document } = this.store;
    const spot = (id) => moved.get(id) ?? stepOf(document, id).position;
    for (const { way, path, chip, at, of } of this.#lines.values()) {
      const [from, to] = [spot(way.fromStepId), spot(way.toStepId)];
      const start = { x: from.x + portX(at, of), y: from.y + SIZE.height };
      const end = { x: to.x + SIZE.width / 2, y: to.y - 4 };
      path.setAttribute("d", curve(start, end));
      const middle = midpoint(start, end);
      chip.style.transform = `translate(${middle.x}px, ${middle.y}px) translate(-50%, -50%)`;
    }
  }

  count() {
    for (const { way, figure, outcome } of this.#lines.values()) {
      const passed = this.store.counts[way.fromStepId]?.[outcome];
      figure.textContent = passed ? shown.format(passed) : "";
      figure.hidden = !passed;
    }
  }
}

function toneOf(outcome) {
  return { yes: "is-yes", EVENT: "is-yes", no: "is-no", TIMEOUT: "is-no" }[outcome] ?? "";
}

function bend(start, end) {
  return Math.max(28, Math.min(110, Math.abs(end.y - start.y) / 2));
}

export function curve(start, end) {
  const by = bend(start, end);
  return `M ${start.x} ${start.y} C ${start.x} ${start.y + by}, ${end.x} ${end.y - by}, ${end.x} ${end.y}`;
}

// Nearer to the step that is left, where the lines of its branches still lie apart.
function midpoint(start, end) {
  const by = bend(start, end);
  const t = 0.45;
  const at = (a, b, c, d) => (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
  return { x: at(start.x, start.x, end.x, end.x), y: at(start.y, start.y + by, end.y - by, end.y) };
}
