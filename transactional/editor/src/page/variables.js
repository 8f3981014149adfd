// The variables of the project's contacts, and the list that one is picked from.

import { Listbox } from "../blocks/listbox.js";
import { variable } from "../blocks/chips.js";
import { make } from "../dom.js";
import { variableOption } from "../options.js";
import { ask } from "./asking.js";

const MOST = 60;

export class Variables {
  constructor(url) {
    this.url = url;
    this.all = [];
    this.loading = null;
  }

  // Once; again only after it has failed.
  load() {
    this.loading ??= ask(this.url).then(
      ({ body }) => {
        // What the contacts have comes before what every mail has.
        this.all = (body.variables ?? []).sort((one, other) => Number(one.isSystem) - Number(other.isSystem));
      },
      () => {
        this.loading = null;
      },
    );
    return this.loading;
  }

  find(path) {
    return this.all.find((found) => found.path === path);
  }

  search(query) {
    const wanted = query.trim().toLowerCase();
    const begins = this.all.filter(({ path }) => path.toLowerCase().startsWith(wanted));
    const contains = this.all.filter((found) => !begins.includes(found) && `${found.path} ${found.label}`.toLowerCase().includes(wanted));
    return [...begins, ...contains].slice(0, MOST);
  }

  // Opens the list under a button, with a field to search in.
  async pick(button, take) {
    this.close?.();
    await this.load();
    const input = make("input", { class: "input pop-search", type: "text", placeholder: "Search variables", autocomplete: "off", role: "combobox", "aria-expanded": "true", "aria-label": "Search variables" });
    const frame = make("div", { class: "pop-frame", popover: "auto" }, input);
    const list = new Listbox({ label: "Variables", render: variableOption, host: frame, choose: (found) => {
      this.close();
      take(found);
    } });
    list.element.classList.add("pop-inside");
    const rect = button.getBoundingClientRect();
    const show = () => {
      list.show(this.search(input.value), rect, input);
      place(frame, rect);
    };
    document.body.append(frame);
    this.close = () => {
      this.close = null;
      frame.remove();
    };
    frame.addEventListener("toggle", ({ newState }) => newState === "closed" && this.close?.());
    input.addEventListener("input", show);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.close();
        button.focus();
      } else if (list.press(event)) event.preventDefault();
    });
    frame.showPopover();
    show();
    input.focus();
  }
}

function place(frame, rect) {
  const { offsetWidth: width, offsetHeight: height } = frame;
  frame.style.left = `${Math.max(8, Math.min(rect.left, innerWidth - width - 8))}px`;
  frame.style.top = `${Math.max(8, rect.bottom + 6 + height > innerHeight - 8 ? rect.top - height - 6 : rect.bottom + 6)}px`;
}

// Lets "{{" and a button put a variable into a line of text.
export function offer(input, button, variables) {
  const insert = (found, from) => {
    const end = /^\s*\}\}/.exec(input.value.slice(input.selectionEnd))?.[0].length ?? 0;
    input.setRangeText(variable(found.path), from, input.selectionEnd + (from === input.selectionStart ? 0 : end), "end");
    input.focus();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  button.addEventListener("click", () => variables.pick(button, (found) => insert(found, input.selectionStart)));
  let from = null;
  const list = new Listbox({ label: "Variables", render: variableOption, choose: (found) => {
    const at = from;
    list.hide();
    insert(found, at);
  } });
  const refresh = async () => {
    const found = /\{\{\s*([^{}]*)$/.exec(input.value.slice(0, input.selectionStart));
    if (!found || document.activeElement !== input) return list.hide();
    await variables.load();
    const items = variables.search(found[1]);
    if (!items.length) return list.hide();
    from = found.index;
    list.show(items, input.getBoundingClientRect(), input);
  };
  input.addEventListener("input", refresh);
  input.addEventListener("blur", () => list.hide());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && list.isOpen) {
      list.hide();
      event.stopPropagation();
    } else if (list.press(event)) event.preventDefault();
  });
}
