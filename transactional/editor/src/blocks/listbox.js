// A list that opens where one writes and is steered from the keyboard while the cursor
// stays in the text.

import { make, newId, placeBelow } from "../dom.js";

// `render(item)` returns what an option shows; `choose(item)` is called with the one taken.
export class Listbox {
  constructor({ label, render, choose, host = document.body }) {
    this.render = render;
    this.choose = choose;
    this.items = [];
    this.at = 0;
    this.element = make("div", { class: "pop-list", role: "listbox", id: newId("listbox"), "aria-label": label, hidden: true });
    // The text keeps the focus.
    this.element.addEventListener("mousedown", (event) => event.preventDefault());
    host.append(this.element);
  }

  get isOpen() {
    return !this.element.hidden;
  }

  show(items, rect, owner) {
    this.items = items;
    this.at = 0;
    this.owner = owner;
    this.element.replaceChildren(...items.map((item, index) => this.option(item, index)));
    if (!items.length) this.element.append(make("p", { class: "pop-empty", text: "Nothing has this name." }));
    this.element.hidden = false;
    owner?.setAttribute("aria-controls", this.element.id);
    placeBelow(this.element, rect);
    this.mark();
  }

  option(item, index) {
    const option = make("div", { class: "pop-option", role: "option", id: `${this.element.id}-${index}` });
    option.append(...this.render(item));
    option.addEventListener("click", () => this.choose(item));
    option.addEventListener("mousemove", () => this.at !== index && ((this.at = index), this.mark(false)));
    return option;
  }

  hide() {
    this.element.hidden = true;
    this.owner?.removeAttribute("aria-activedescendant");
    this.owner?.removeAttribute("aria-controls");
  }

  mark(scrolls = true) {
    const options = this.element.querySelectorAll("[role=option]");
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.at)));
    const current = options[this.at];
    if (!current) return;
    if (scrolls) current.scrollIntoView({ block: "nearest" });
    this.owner?.setAttribute("aria-activedescendant", current.id);
  }

  // Returns whether the key was for the list.
  press(event) {
    if (!this.isOpen || event.isComposing) return false;
    const count = this.items.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (count) this.at = (this.at + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.mark();
      return true;
    }
    if ((event.key === "Enter" || event.key === "Tab") && count) {
      this.choose(this.items[this.at]);
      return true;
    }
    return false;
  }
}
