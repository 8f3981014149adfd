// The toolbar above the text: one stop for the Tab key, arrows within.

import { icon, keys, make, placeBelow } from "../dom.js";
import { ENTRIES, setAlign } from "./inserting.js";
import { COLORS } from "./panel.js";

const KINDS = [
  ["paragraph", "Text", (chain) => chain.setParagraph()],
  ["heading1", "Heading 1", (chain) => chain.setHeading({ level: 1 })],
  ["heading2", "Heading 2", (chain) => chain.setHeading({ level: 2 })],
  ["heading3", "Heading 3", (chain) => chain.setHeading({ level: 3 })],
  ["blockquote", "Quote", (chain) => chain.setParagraph().toggleBlockquote()],
  ["codeBlock", "Code", (chain) => chain.setCodeBlock()],
];

const MARKS = [
  ["bold", "Bold", "Mod+B"],
  ["italic", "Italic", "Mod+I"],
  ["underline", "Underline", "Mod+U"],
  ["strike", "Strikethrough", "Mod+Shift+S"],
  ["code", "Code", "Mod+E"],
];

export class Toolbar {
  constructor({ editor, host, panel, variables, pickImage }) {
    Object.assign(this, { editor, panel, variables, pickImage });
    this.updates = [];
    this.element = make("div", { class: "tools", role: "toolbar", "aria-label": "Formatting", "aria-orientation": "horizontal" });
    this.element.append(
      this.group(this.insertMenu()),
      this.group(this.kinds()),
      this.group(...MARKS.map(([mark, label, shortcut]) => this.toggle(mark, label, shortcut, () => editor.isActive(mark), (chain) => chain.toggleMark(mark))), this.colorMenu(), this.link()),
      this.group(...["left", "center", "right"].map((side) => this.toggle(`align-${side}`, `Align ${side}`, "", () => this.sideOf() === side, (chain) => chain.command(({ commands }) => setAlign(commands, side))))),
      this.group(
        this.toggle("bullets", "Bullet list", "Mod+Shift+8", () => editor.isActive("bulletList"), (chain) => chain.toggleBulletList()),
        this.toggle("numbers", "Numbered list", "Mod+Shift+7", () => editor.isActive("orderedList"), (chain) => chain.toggleOrderedList()),
      ),
      this.group(this.variableButton()),
      this.group(this.button("undo", "Undo", "Mod+Z", () => editor.chain().focus().undo().run(), () => editor.can().undo()), this.button("redo", "Redo", "Mod+Shift+Z", () => editor.chain().focus().redo().run(), () => editor.can().redo())),
    );
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.element.addEventListener("focusin", (event) => this.rove(event.target));
    host.append(this.element);
    this.rove(this.stops()[0]);
    let asked = false;
    const refresh = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        for (const update of this.updates) update();
      });
    };
    editor.on("transaction", refresh);
    refresh();
  }

  group(...children) {
    return make("span", { class: "tools-group" }, ...children);
  }

  button(symbol, label, shortcut, run, isPossible) {
    const title = shortcut ? `${label} (${keys(shortcut)})` : label;
    const button = make("button", { type: "button", class: "tool", title, "aria-label": label, tabindex: "-1", click: run }, icon(symbol));
    // The text keeps its selection; the keyboard comes here by Tab all the same.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    if (isPossible) this.updates.push(() => button.setAttribute("aria-disabled", String(!isPossible())));
    return button;
  }

  toggle(symbol, label, shortcut, isOn, run) {
    const button = this.button(symbol, label, shortcut, () => run(this.editor.chain().focus()).run());
    this.updates.push(() => button.setAttribute("aria-pressed", String(isOn())));
    return button;
  }

  sideOf() {
    const { editor } = this;
    for (const name of ["button", "image", "heading", "paragraph"]) {
      if (editor.isActive(name)) return editor.getAttributes(name).align ?? (name === "image" ? "center" : "left");
    }
    return "";
  }

  kinds() {
    const select = make("select", { class: "tool-kind", "aria-label": "Kind of text", tabindex: "-1" }, ...KINDS.map(([value, label]) => make("option", { value, text: label })), make("option", { value: "", text: "Block", disabled: true, hidden: true }));
    select.addEventListener("change", () => {
      const found = KINDS.find(([value]) => value === select.value);
      found?.[2](this.editor.chain().focus()).run();
    });
    this.updates.push(() => {
      select.value = this.kindOf();
    });
    return select;
  }

  kindOf() {
    const { editor } = this;
    if (editor.isActive("heading")) return `heading${editor.getAttributes("heading").level}`;
    return ["codeBlock", "blockquote", "paragraph"].find((name) => editor.isActive(name)) ?? "";
  }

  link() {
    const button = this.button("link", "Link", "Mod+K", () => {
      this.editor.view.focus();
      this.panel.openLink();
    });
    this.updates.push(() => button.setAttribute("aria-pressed", String(this.editor.isActive("link"))));
    return button;
  }

  variableButton() {
    const button = this.button("variable", "Insert a variable", "{{", () => this.variables.pick(button, (found) => this.editor.chain().focus().insertContent({ type: "variable", attrs: { source: `{{ ${found.path} }}` } }).run()));
    button.append(make("span", { class: "tool-word", text: "Variable" }));
    button.classList.add("tool-wide");
    return button;
  }

  // -- menus ----------------------------------------------------------------------------
  menu(button, label, ...children) {
    const menu = make("div", { class: "tool-menu", role: "menu", "aria-label": label, popover: "auto" }, ...children);
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => menu.togglePopover());
    menu.addEventListener("toggle", ({ newState }) => {
      const isOpen = newState === "open";
      button.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) return;
      placeBelow(menu, button.getBoundingClientRect());
      menu.querySelector("button")?.focus();
    });
    menu.addEventListener("keydown", (event) => {
      const items = [...menu.querySelectorAll("button, input")];
      const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      items[(items.indexOf(document.activeElement) + by + items.length) % items.length]?.focus();
    });
    document.body.append(menu);
    return menu;
  }

  insertMenu() {
    const button = make("button", { type: "button", class: "tool tool-wide", tabindex: "-1", title: `Insert a block (/)` }, icon("plus"), make("span", { class: "tool-word", text: "Insert" }));
    const entries = ENTRIES.filter(({ icon: name }) => !/^(align|bold|italic|strike|variable)/.test(name));
    const menu = this.menu(button, "Insert", ...entries.map((entry) => make("button", { type: "button", role: "menuitem", class: "pop-option", click: () => {
      menu.hidePopover();
      if (entry.name === "Image") this.pickImage();
      else entry.insert({ editor: this.editor });
    } }, icon(entry.icon), make("span", { class: "pop-name", text: entry.name }))));
    menu.classList.add("tool-menu-blocks");
    return button;
  }

  colorMenu() {
    const button = make("button", { type: "button", class: "tool", title: "Colour of the text", "aria-label": "Colour of the text", tabindex: "-1" }, icon("color"));
    const set = (color) => {
      menu.hidePopover();
      const chain = this.editor.chain().focus();
      (color ? chain.setMark("color", { color }) : chain.unsetMark("color")).run();
    };
    const own = make("input", { type: "color", class: "swatch-own", title: "Another colour", "aria-label": "Another colour" });
    own.addEventListener("change", () => set(own.value));
    const menu = this.menu(
      button,
      "Colour of the text",
      make("button", { type: "button", class: "swatch swatch-none", title: "Default", "aria-label": "Default colour", click: () => set(null) }),
      ...COLORS.slice(0, 8).map((color) => {
        const swatch = make("button", { type: "button", class: "swatch", title: color, "aria-label": color, click: () => set(color) });
        swatch.style.setProperty("--swatch", color);
        return swatch;
      }),
      own,
    );
    menu.classList.add("tool-menu-colors");
    this.updates.push(() => button.style.setProperty("--text-color", this.editor.getAttributes("color").color ?? "currentColor"));
    return button;
  }

  // -- the keyboard -----------------------------------------------------------------------
  stops() {
    return [...this.element.querySelectorAll("button, select")];
  }

  rove(current) {
    for (const stop of this.stops()) stop.tabIndex = stop === current ? 0 : -1;
  }

  press(event) {
    const stops = this.stops();
    const at = stops.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (event.key === "Escape") this.editor.view.focus();
    if (to === undefined || at < 0) return;
    event.preventDefault();
    stops[(to + stops.length) % stops.length].focus();
  }
}
