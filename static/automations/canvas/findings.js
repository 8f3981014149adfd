// The list of what is wrong; each entry leads to its step.

import { titleOf } from "./catalogue.js";
import { make } from "./dom.js";
import { stepOf, waysFrom } from "./model.js";

export class Findings {
  constructor(store, { toggle, list }, jump) {
    Object.assign(this, { store, toggle, list, jump });
    toggle.addEventListener("click", () => this.show(list.hidden));
    store.on("problems", () => this.render());
    const close = (event) => {
      if (event.key !== "Escape" || list.hidden) return;
      event.stopPropagation();
      this.show(false);
      toggle.focus();
    };
    for (const element of [list, toggle]) element.addEventListener("keydown", close);
    this.render();
  }

  show(isOpen = true) {
    this.list.hidden = !isOpen || !this.store.problems.length;
    this.toggle.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  render() {
    const { problems } = this.store;
    const errors = problems.filter(({ severity }) => severity === "error").length;
    this.toggle.hidden = !problems.length;
    this.toggle.classList.toggle("is-bad", errors > 0);
    this.toggle.querySelector("[data-findings-words]").textContent = errors ? `${errors} to mend` : `${problems.length} to look at`;
    this.list.replaceChildren(make("h2", { text: errors ? "Before it can be published" : "Worth a look" }), make("ul", {}, ...this.#entries(problems)));
    if (!problems.length) this.show(false);
  }

  #entries(problems) {
    const sorted = [...problems].sort((one, other) => Number(one.severity !== "error") - Number(other.severity !== "error"));
    return sorted.map((problem) => {
      const step = this.#stepOf(problem);
      const jump = () => step && this.jump(step.id);
      return make("li", {}, make("button", { type: "button", class: `finding is-${problem.severity}`, click: jump }, make("strong", { text: step ? titleOf(step) : "The automation" }), make("span", { text: problem.message })));
    });
  }

  #stepOf({ stepId, transitionId }) {
    const { document } = this.store;
    if (stepId) return stepOf(document, stepId);
    return document.steps.find(({ id }) => waysFrom(document, id).some((way) => way.id === transitionId));
  }
}
